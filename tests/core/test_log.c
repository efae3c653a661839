#include "support/test.h"

#include "core/log.h"

#include <stdio.h>
#include <string.h>

typedef struct sink {
    int calls;
    fal_log_level level;
    char component[32], text[4096];
} sink;

static void write_line(void *user, fal_log_level level, const char *component, const char *text)
{
    sink *s = user;
    s->calls++;
    s->level = level;
    snprintf(s->component, sizeof s->component, "%s", component);
    snprintf(s->text, sizeof s->text, "%s", text);
}

static void test_levels(void **state)
{
    (void)state;
    sink s = {0};
    fal_log log = {.write = write_line, .user = &s, .level = FAL_LOG_INFO};
    fal_log_write(&log, FAL_LOG_DEBUG, "face", "no");
    assert_int_equal(s.calls, 0);
    fal_log_write(&log, FAL_LOG_INFO, "face", "frame %d", 3);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.level, FAL_LOG_INFO);
    assert_string_equal(s.component, "face");
    assert_string_equal(s.text, "frame 3");
    fal_log_write(NULL, FAL_LOG_ERROR, "face", "no");
    fal_log_write(&(fal_log){0}, FAL_LOG_ERROR, "face", "no");
}

static void test_trace_names_whole_components(void **state)
{
    (void)state;
    sink s = {0};
    fal_log log = {.write = write_line, .user = &s, .trace = "media,face"};
    fal_log_write(&log, FAL_LOG_DEBUG, "face", "yes");
    fal_log_write(&log, FAL_LOG_DEBUG, "media", "yes");
    assert_int_equal(s.calls, 2);
    fal_log_write(&log, FAL_LOG_DEBUG, "fac", "no");
    fal_log_write(&log, FAL_LOG_DEBUG, "faces", "no");
    fal_log_write(&log, FAL_LOG_DEBUG, "", "no");
    assert_int_equal(s.calls, 2);
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    sink s = {0};
    char text[4000];
    fal_log log = {.write = write_line, .user = &s};
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fal_log_write(&log, FAL_LOG_ERROR, "x", "%s", text);
    assert_int_equal(strlen(s.text), 2047);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_trace_names_whole_components),
        cmocka_unit_test(test_long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
