#include "weights/bomb.h"

#include "core/alloc.h"
#include "core/file.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* ---- making ---- */

void bomb_bytes(fal_buf *out, const void *bytes, size_t count)
{
    fal_buf_append(out, bytes, count);
    assert_false(out->failed);
}

void bomb_repeat(fal_buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        fal_buf_puts(out, text);
    assert_false(out->failed);
}

static void put_number(fal_buf *out, uint64_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8)
        bomb_bytes(out, &(uint8_t){(uint8_t)value}, 1);
}

void bomb_text(fal_buf *pickle, const char *text)
{
    bomb_bytes(pickle, "X", 1);
    put_number(pickle, strlen(text), 4);
    bomb_bytes(pickle, text, strlen(text));
}

/* _rebuild_tensor_v2(storage, 0, (count,), (1,), False, OrderedDict()) */
void bomb_tensor(fal_buf *pickle, const char *key, uint32_t count)
{
    fal_buf_puts(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
    bomb_text(pickle, "storage");
    fal_buf_puts(pickle, "ctorch\nFloatStorage\n");
    bomb_text(pickle, key);
    bomb_text(pickle, "cpu");
    bomb_bytes(pickle, "J", 1);
    put_number(pickle, count, 4);
    bomb_bytes(pickle, "tQK\0J", 5);
    put_number(pickle, count, 4);
    bomb_bytes(pickle, "\x85K\x01\x85\x89)tR", 8);
}

static void put_deflated(fal_buf *out, const void *bytes, size_t count)
{
    size_t room = compressBound(count) + 64;
    uint8_t *packed = fal_malloc(room);
    z_stream stream = {0};
    assert_non_null(packed);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    bomb_bytes(out, packed, stream.total_out);
    deflateEnd(&stream);
    fal_free(packed);
}

/* The fields that a local header and a directory entry have in common: method to name length, with an empty extra. */
static void put_fields(fal_buf *out, bool deflate, size_t stored, size_t count, const char *name)
{
    put_number(out, 0, 2); /* flags */
    put_number(out, deflate ? 8 : 0, 2);
    put_number(out, 0, 8); /* time, date, CRC: not looked at when a file is opened */
    put_number(out, stored, 4);
    put_number(out, count, 4);
    put_number(out, strlen(name), 2);
    put_number(out, 0, 2);
}

void bomb_add(bomb_zip *zip, const char *name, const void *bytes, size_t count, bool deflate)
{
    size_t at = zip->file.length;
    fal_buf data = {0};
    if (deflate)
        put_deflated(&data, bytes, count);
    else
        bomb_bytes(&data, bytes, count);
    put_number(&zip->file, 0x04034b50, 4);
    put_number(&zip->file, 20, 2);
    put_fields(&zip->file, deflate, data.length, count, name);
    fal_buf_puts(&zip->file, name);
    bomb_bytes(&zip->file, data.data ? data.data : "", data.length);
    put_number(&zip->directory, 0x02014b50, 4);
    put_number(&zip->directory, 20 | 20 << 16, 4);
    put_fields(&zip->directory, deflate, data.length, count, name);
    put_number(&zip->directory, 0, 10); /* comment length, disk, attributes */
    put_number(&zip->directory, at, 4);
    fal_buf_puts(&zip->directory, name);
    zip->members++;
    fal_buf_free(&data);
}

/* With a zip64 end record, so that any number of members can be told. */
void bomb_write_zip(bomb_zip *zip, const char *path)
{
    size_t at = zip->file.length, length = zip->directory.length;
    bomb_bytes(&zip->file, zip->directory.data, length);
    size_t end64 = zip->file.length;
    put_number(&zip->file, 0x06064b50, 4);
    put_number(&zip->file, 44, 8);
    put_number(&zip->file, 45 | 45 << 16, 4);
    put_number(&zip->file, 0, 8);
    put_number(&zip->file, zip->members, 8);
    put_number(&zip->file, zip->members, 8);
    put_number(&zip->file, length, 8);
    put_number(&zip->file, at, 8);
    put_number(&zip->file, 0x07064b50, 4);
    put_number(&zip->file, 0, 4);
    put_number(&zip->file, end64, 8);
    put_number(&zip->file, 1, 4);
    put_number(&zip->file, 0x06054b50, 4);
    put_number(&zip->file, 0, 4);
    put_number(&zip->file, UINT64_MAX, 4);
    put_number(&zip->file, UINT64_MAX, 8);
    put_number(&zip->file, 0, 2);
    fal_buf_free(&zip->directory);
    bomb_write(&zip->file, path);
    *zip = (bomb_zip){0};
}

void bomb_write_torch(fal_buf *pickle, const char *path)
{
    bomb_zip zip = {0};
    bomb_add(&zip, "m/data.pkl", pickle->data, pickle->length, false);
    fal_buf_free(pickle);
    bomb_write_zip(&zip, path);
}

void bomb_write_safetensors(fal_buf *header, size_t data_bytes, const char *path)
{
    fal_buf file = {0};
    put_number(&file, header->length, 8);
    bomb_bytes(&file, header->data, header->length);
    fal_buf_free(header);
    for (size_t i = 0; i < data_bytes; i++)
        bomb_bytes(&file, "", 1);
    bomb_write(&file, path);
}

void bomb_write(fal_buf *bytes, const char *path)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, bytes->data, bytes->length, &err), &err);
    fal_buf_free(bytes);
}

/* ---- setting off ---- */

#ifndef __has_feature /* clang's */
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define NO_LIMITS 1
#endif

#ifdef NO_LIMITS

bomb_outcome bomb_run(const char *path, bomb_fn *fn)
{
    bomb_outcome outcome = {0};
    fal_error err = {0};
    outcome.status = fn(path, &err);
    memcpy(outcome.text, err.text, sizeof outcome.text);
    return outcome;
}

#else

/* Address space of this process and of the file, which will be mapped. */
static size_t space_now(const char *path)
{
    size_t pages = 0;
    struct stat info = {0};
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    bool is_file = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    return pages * (size_t)sysconf(_SC_PAGESIZE) + (is_file ? (size_t)info.st_size : 0);
}

static void be_the_child(const char *path, bomb_fn *fn, int out)
{
    bomb_outcome outcome = {0};
    fal_error err = {0};
    size_t space = space_now(path) + BOMB_MEMORY;
    setrlimit(RLIMIT_AS, &(struct rlimit){space, space});
    setrlimit(RLIMIT_CPU, &(struct rlimit){BOMB_CPU_S, BOMB_CPU_S});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    outcome.status = fn(path, &err);
    memcpy(outcome.text, err.text, sizeof outcome.text);
    _exit(write(out, &outcome, sizeof outcome) == sizeof outcome ? 0 : 1);
}

bomb_outcome bomb_run(const char *path, bomb_fn *fn)
{
    bomb_outcome outcome = {0};
    int ends[2], ended = 0;
    struct rusage took;
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        be_the_child(path, fn, ends[1]);
    close(ends[1]);
    ssize_t got = read(ends[0], &outcome, sizeof outcome);
    close(ends[0]);
    assert_int_equal(wait4(child, &ended, 0, &took), child);
    print_message("%-28s %4ld ms, %4ld MB at most: %s\n", strrchr(path, '/') + 1,
                  took.ru_utime.tv_sec * 1000 + took.ru_utime.tv_usec / 1000, took.ru_maxrss / 1024,
                  outcome.status == FAL_OK ? "opened" : outcome.text);
    if (got != sizeof outcome)
        fail_msg("%s: ended by signal %d", path, WIFSIGNALED(ended) ? WTERMSIG(ended) : 0);
    return outcome;
}

#endif

void bomb_check(const char *path, bomb_fn *fn, fal_status status, const char *text)
{
    bomb_outcome got = bomb_run(path, fn);
    if (got.status != status || (text && !strstr(got.text, text)))
        fail_msg("%s: got %s \"%s\", want %s \"%s\"", path, fal_status_name(got.status), got.text,
                 fal_status_name(status), text ? text : "");
}
