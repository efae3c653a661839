#include "fetch/scene.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void on_log(void *user, fal_log_level level, const char *component, const char *text)
{
    scene *s = user;
    size_t used = strlen(s->logged);
    (void)level, (void)component;
    snprintf(s->logged + used, sizeof s->logged - used, "%s\n", text);
}

static void fill(scene *s)
{
    uint32_t x = 1;
    for (size_t i = 0; i < LENGTH; i++) {
        x = x * 1664525 + 1013904223;
        s->model[i] = (uint8_t)(x >> 24);
        s->other[i] = (uint8_t)(x >> 16);
    }
    fal_digest sha256 = fal_sha256_start(), md5 = fal_md5_start();
    fal_sha256_add(&sha256, s->model, LENGTH);
    fal_sha256_text(&sha256, s->sha256);
    fal_md5_add(&md5, s->model, LENGTH);
    fal_md5_text(&md5, s->md5);
}

/* Only this machine is to be asked, whatever the surroundings say. */
static void clean_environment(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",     "all_proxy",
                                        "ALL_PROXY",  "no_proxy",   "NO_PROXY",    "FALSETTO_MIRROR", "FALSETTO_HOME"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

int scene_set_up(void **state)
{
    static int number;
    static const char *const paths[PAGES] = {"/model.pt", "/mirror/model.pt", "/third"};
    scene *s = calloc(1, sizeof *s);
    if (!s)
        return -1;
    clean_environment();
    fill(s);
    for (int i = 0; i < PAGES; i++)
        s->pages[i] = (server_page){.path = paths[i], .bytes = s->model, .length = LENGTH};
    s->pages[0].etag = "\"first\"";
    s->web = server_start(s->pages, PAGES);
    s->url = server_url(s->web, paths[0]);
    s->mirror = server_url(s->web, paths[1]);
    snprintf(s->target, sizeof s->target, "%s", fal_temp_path("%d/deep/model.pt", number++));
    static fal_log log;
    log = (fal_log){.write = on_log, .user = s, .level = FAL_LOG_WARN};
    s->options = (fal_fetch_options){.urls = &s->url,
                                     .url_count = 1,
                                     .path = s->target,
                                     .attempts = 3,
                                     .retry_wait_s = 0.01,
                                     .stall_s = 1,
                                     .log = &log};
    *state = s;
    return 0;
}

int scene_tear_down(void **state)
{
    scene *s = *state;
    server_stop(&s->web);
    free(s);
    return 0;
}

void fetch_ok(scene *s)
{
    s->logged[0] = '\0';
    fal_check_ok(fal_fetch_file(&s->options, &s->result, &s->err), &s->err);
}

void fetch_fails(scene *s, fal_status want, const char *text)
{
    s->logged[0] = '\0';
    memset(&s->result, 0x55, sizeof s->result);
    fal_check_fails(fal_fetch_file(&s->options, &s->result, &s->err), want, text, &s->err);
    assert_int_equal(s->result.bytes, 0x5555555555555555);
}

static size_t files_beside(const char *path)
{
    size_t count = 0;
    char *dir = fal_path_dir(path);
    DIR *listing = opendir(dir);
    if (listing) {
        for (const struct dirent *item; (item = readdir(listing));)
            count += item->d_name[0] != '.';
        closedir(listing);
    }
    fal_free(dir);
    return count;
}

void check_arrived(const scene *s, const uint8_t *bytes, size_t length)
{
    fal_buf got = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(s->target, 0, &got, &err), &err);
    assert_int_equal(got.length, length);
    assert_memory_equal(got.data, bytes, length);
    fal_buf_free(&got);
    assert_int_equal(files_beside(s->target), 1);
}

void check_part(const scene *s, size_t bytes)
{
    struct stat info;
    char path[300];
    snprintf(path, sizeof path, "%s.part", s->target);
    size_t got = stat(path, &info) == 0 ? (size_t)info.st_size : 0;
    if (got != bytes)
        fail_msg("%zu bytes in the part, want %zu", got, bytes);
    assert_false(fal_path_exists(s->target));
    assert_int_equal(files_beside(s->target), bytes > 0 ? 2 : 0);
}

void check_bodies(const server_page *page, const char *want)
{
    assert_string_equal(page->bodies, want);
}

void check_requested(const server_page *page, const char *line)
{
    if (!strstr(page->request, line))
        fail_msg("the request\n%slacks \"%s\"", page->request, line);
}

void leave_part(const scene *s, const void *bytes, size_t length, const char *note)
{
    char path[300];
    fal_error err = {0};
    snprintf(path, sizeof path, "%s.part", s->target);
    fal_check_ok(fal_file_write(path, bytes, length, &err), &err);
    snprintf(path, sizeof path, "%s.part.json", s->target);
    if (note)
        fal_check_ok(fal_file_write(path, note, strlen(note), &err), &err);
}
