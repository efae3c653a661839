/* Going on with a download that was cut, and never gluing two files together. */
#include "fetch/scene.h"

#include "core/file.h"
#include "core/str.h"

#include <stdio.h>
#include <string.h>

static void cut(server_page *page, int times)
{
    page->cut_after = CUT;
    page->cut_times = times;
}

static void test_within_one_call(void **state)
{
    scene *s = *state;
    cut(&s->pages[0], 2);
    s->options.sha256 = s->sha256;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "wpp");
    check_requested(&s->pages[0], "Range: bytes=200000-\r\n");
    check_requested(&s->pages[0], "If-Range: \"first\"\r\n");
    assert_false(s->result.resumed);
    assert_string_equal(s->result.sha256, s->sha256);
    assert_non_null(strstr(s->logged, "after 100 kB of 300 kB; trying again in 0.01 s"));
}

static void test_in_a_later_call(void **state)
{
    scene *s = *state;
    cut(&s->pages[0], 1);
    s->options.attempts = 1;
    fetch_fails(s, FAL_ERR_IO, "after 100 kB of 300 kB");
    check_part(s, CUT);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "wp");
    assert_true(s->result.resumed);
    assert_string_equal(s->result.sha256, s->sha256);
    assert_int_equal(s->result.bytes, LENGTH);
}

static void test_a_date_will_do(void **state)
{
    scene *s = *state;
    s->pages[0].etag = "W/\"weak\"";
    s->pages[0].modified = "Tue, 15 Nov 1994 12:45:26 GMT";
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "wp");
    check_requested(&s->pages[0], "If-Range: Tue, 15 Nov 1994 12:45:26 GMT\r\n");
}

/* A weak ETag does not say that the bytes are the same. */
static void test_nothing_to_tell_the_file_by(void **state)
{
    scene *s = *state;
    s->pages[0].etag = "W/\"weak\"";
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "ww");
    assert_null(strstr(s->pages[0].request, "Range:"));
}

/* ... unless the published SHA-256 will. */
static void test_nothing_but_the_checksum(void **state)
{
    scene *s = *state;
    s->pages[0].etag = NULL;
    s->options.sha256 = s->sha256;
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "wp");
    assert_null(strstr(s->pages[0].request, "If-Range"));
}

static void test_server_without_ranges(void **state)
{
    scene *s = *state;
    s->pages[0].no_ranges = true;
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "ww");
}

static void test_file_changes_in_between(void **state)
{
    scene *s = *state;
    s->pages[0].changes_after = 2;
    s->pages[0].later_bytes = s->other;
    s->pages[0].later_etag = "\"second\"";
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->other, LENGTH);
    check_bodies(&s->pages[0], "ww");
}

/* The server does not look at If-Range, but its own header gives the change away. */
static void test_change_that_the_server_overlooks(void **state)
{
    scene *s = *state;
    s->pages[0].changes_after = 2;
    s->pages[0].later_bytes = s->other;
    s->pages[0].later_etag = "\"second\"";
    s->pages[0].ignores_if_range = true;
    cut(&s->pages[0], 1);
    fetch_ok(s);
    check_arrived(s, s->other, LENGTH);
    check_bodies(&s->pages[0], "wpw");
    assert_non_null(strstr(s->logged, "starting from the beginning"));
}

static void test_range_that_lies(void **state)
{
    static const char *const lies[] = {"bytes 99999-299999/300000", "bytes 100000-299998/299999", "bytes 1-0/5", "x"};
    scene *s = *state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        s->pages[0].claimed_range = lies[i];
        atomic_store(&s->pages[0].requests, 0);
        memset(s->pages[0].bodies, 0, sizeof s->pages[0].bodies);
        cut(&s->pages[0], 1);
        fetch_ok(s);
        check_arrived(s, s->model, LENGTH);
        check_bodies(&s->pages[0], "wpw");
        remove(s->target);
    }
}

/* Asked for what lies beyond the end. */
static void test_file_shorter_than_the_part(void **state)
{
    scene *s = *state;
    char note[300];
    static const uint8_t longer[LENGTH + 10];
    snprintf(note, sizeof note, "{\"url\": \"%s\", \"etag\": \"\\\"first\\\"\", \"bytes\": null}", s->url);
    leave_part(s, longer, sizeof longer, note);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "ew");
    assert_false(s->result.resumed);
}

static void test_part_already_whole(void **state)
{
    scene *s = *state;
    char note[300];
    snprintf(note, sizeof note, "{\"url\": \"%s\", \"etag\": \"\\\"first\\\"\", \"bytes\": %d}", s->url, LENGTH);
    leave_part(s, s->model, LENGTH, note);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_int_equal(s->pages[0].requests, 0);
    assert_true(s->result.resumed);
}

static void test_damaged_part(void **state)
{
    scene *s = *state;
    char note[300];
    snprintf(note, sizeof note, "{\"url\": \"%s\", \"etag\": \"\\\"first\\\"\", \"bytes\": %d}", s->url, LENGTH);
    leave_part(s, s->other, CUT, note);
    s->options.sha256 = s->sha256;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "pw");
    assert_non_null(strstr(s->logged, "SHA-256"));
    assert_false(s->result.resumed);
}

static void test_notes_that_do_not_help(void **state)
{
#define ETAG "\"etag\": \"\\\"first\\\"\""
    static const char *const notes[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"url\": 7}",
                                        "{\"url\": \"http://elsewhere/model.pt\", \"bytes\": 300000, " ETAG "}",
                                        "{\"url\": \"%s\", \"bytes\": 5, " ETAG "}",
                                        "{\"url\": \"%s\", \"etag\": \"\\\"a\\r\\nX: y\\\"\"}"};
    scene *s = *state;
    for (size_t i = 0; i <= sizeof notes / sizeof *notes; i++) {
        char note[300];
        bool last = i == sizeof notes / sizeof *notes;
        if (!last)
            snprintf(note, sizeof note, notes[i], s->url);
        leave_part(s, s->other, CUT, last ? NULL : note);
        atomic_store(&s->pages[0].requests, 0);
        memset(s->pages[0].bodies, 0, sizeof s->pages[0].bodies);
        fetch_ok(s);
        check_arrived(s, s->model, LENGTH);
        check_bodies(&s->pages[0], "w");
        assert_false(s->result.resumed);
        remove(s->target);
    }
}

/* The part is the second address's: that one is asked first, for only there it can be gone on with. */
static void test_address_of_the_part_goes_first(void **state)
{
    scene *s = *state;
    const char *urls[] = {s->url, s->mirror};
    char note[300];
    s->pages[1].etag = "\"there\"";
    snprintf(note, sizeof note, "{\"url\": \"%s\", \"etag\": \"\\\"there\\\"\", \"bytes\": %d}", s->mirror, LENGTH);
    leave_part(s, s->model, CUT, note);
    s->options.urls = urls;
    s->options.url_count = 2;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[1], "p");
    assert_int_equal(s->pages[0].requests, 0);
}

static void test_stall(void **state)
{
    scene *s = *state;
    cut(&s->pages[0], 1);
    s->pages[0].stall = true;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    check_bodies(&s->pages[0], "wp");
    assert_non_null(strstr(s->logged, "the transfer stalled, after 100 kB of 300 kB"));
}

/* ---- patience ---- */

static void test_crumbs(void **state)
{
    scene *s = *state;
    s->pages[0].cut_after = 1000;
    s->pages[0].cut_times = 99;
    fetch_fails(s, FAL_ERR_IO, "after 3.0 kB of 300 kB");
    check_bodies(&s->pages[0], "wpp");
}

/* A connection that is cut again and again, but brings something each time, gets there in the end. */
static void test_large_pieces(void **state)
{
    enum { PIECE = (1 << 20) + 7, PIECES = 5 };
    static uint8_t large[PIECE * PIECES];
    scene *s = *state;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i % 251);
    s->pages[0].bytes = large;
    s->pages[0].length = sizeof large;
    s->pages[0].cut_after = PIECE;
    s->pages[0].cut_times = 99;
    s->options.attempts = 2;
    fetch_ok(s);
    check_arrived(s, large, sizeof large);
    check_bodies(&s->pages[0], "wpppp");
}

/* ---- stopping, and what progress says ---- */

typedef struct watcher {
    sig_atomic_t stop;
    double stop_at, first, last, total;
    char what[80];
} watcher;

static void watch(void *user, const char *what, double done, double total)
{
    watcher *w = user;
    snprintf(w->what, sizeof w->what, "%s", what);
    w->first = w->last > 0 ? w->first : done;
    w->last = done;
    w->total = total;
    w->stop = w->stop || (w->stop_at > 0 && done >= w->stop_at);
}

static void test_stopped_and_gone_on_with(void **state)
{
    scene *s = *state;
    watcher w = {.stop_at = 0.05};
    fal_progress progress = {.report = watch, .user = &w, .cancel = &w.stop};
    s->options.progress = &progress;
    cut(&s->pages[0], 1); /* the server says no more, so that there is something left to stop */
    s->pages[0].stall = true;
    fetch_fails(s, FAL_ERR_CANCELLED, "stopped");
    assert_string_equal(w.what, "model.pt (MB)");
    fal_check_close_f64("total", &w.total, (double[]){0.3}, 1, 1e-12, 0);
    w = (watcher){0};
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_true(s->result.resumed);
    assert_string_equal(w.what, "rest of model.pt (MB)");
    fal_check_close_f64("progress", &w.last, &w.total, 1, 1e-12, 0);
    check_bodies(&s->pages[0], "wp");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_within_one_call),
        TEST(test_in_a_later_call),
        TEST(test_a_date_will_do),
        TEST(test_nothing_to_tell_the_file_by),
        TEST(test_nothing_but_the_checksum),
        TEST(test_server_without_ranges),
        TEST(test_file_changes_in_between),
        TEST(test_change_that_the_server_overlooks),
        TEST(test_range_that_lies),
        TEST(test_file_shorter_than_the_part),
        TEST(test_part_already_whole),
        TEST(test_damaged_part),
        TEST(test_notes_that_do_not_help),
        TEST(test_address_of_the_part_goes_first),
        TEST(test_stall),
        TEST(test_crumbs),
        TEST(test_large_pieces),
        TEST(test_stopped_and_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
