/* What people are told to do by hand. */
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "fetch/pull.h"

static const fal_model_file files[] = {
    {.name = "model.pt", .urls = {"https://example.org/model.pt"}, .md5 = "c00a7"},
    {.name = "config.json"},
    {.name = "words.txt"},
};

static fal_pull_job job(void)
{
    return (fal_pull_job){.name = "tiny",
                          .source = "example.org/tiny",
                          .files = files,
                          .file_count = 3,
                          .folder = (char *)"/home/me/models/tiny",
                          .command = "falsetto models pull"};
}

/* The second file is there. */
static const fal_pull_report report = {
    .files = {{.how = FAL_PULL_BY_HAND}, {.how = FAL_PULL_PRESENT}, {.how = FAL_PULL_BY_HAND}}, .file_count = 3};

static void check_steps(const fal_pull_job *of, const char *want)
{
    fal_error err = {0};
    char *steps = NULL;
    fal_check_ok(fal_pull_steps(of, &report, &steps, &err), &err);
    assert_string_equal(steps, want);
    fal_free(steps);
}

static void test_with_a_page(void **state)
{
    (void)state;
    fal_pull_job paged = job();
    paged.page = "https://drive.example.org/file";
    check_steps(&paged, "1. Open this page in a browser (from example.org/tiny)\n"
                        "     https://drive.example.org/file\n"
                        "2. Download model.pt there\n"
                        "   (its MD5 begins with c00a7)\n"
                        "   and put it at\n"
                        "     /home/me/models/tiny/model.pt\n"
                        "3. Download words.txt there\n"
                        "   and put it at\n"
                        "     /home/me/models/tiny/words.txt\n"
                        "4. Run this again, to check it and to write its receipt\n"
                        "     falsetto models pull tiny\n");
}

static void test_with_an_address(void **state)
{
    (void)state;
    const fal_pull_job plain = job();
    check_steps(&plain, "1. Look at example.org/tiny\n"
                        "2. Download model.pt\n"
                        "     https://example.org/model.pt\n"
                        "   (its MD5 begins with c00a7)\n"
                        "   and put it at\n"
                        "     /home/me/models/tiny/model.pt\n"
                        "3. Download words.txt there\n"
                        "   and put it at\n"
                        "     /home/me/models/tiny/words.txt\n"
                        "4. Run this again, to check it and to write its receipt\n"
                        "     falsetto models pull tiny\n");
}

static fal_status steps_once(void *user, fal_error *err)
{
    char *steps = NULL;
    fal_status st = fal_pull_steps(user, &report, &steps, err);
    fal_free(steps);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fal_pull_job plain = job();
    fal_check_alloc_failures("fal_pull_steps", steps_once, &plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_a_page),
        cmocka_unit_test(test_with_an_address),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
