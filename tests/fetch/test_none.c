/* A build without libcurl: nothing is fetched, everything says how to get it. */
#include "support/test.h"

#include "core/file.h"

#include <falsetto/fetch.h>

#include <string.h>

static void test_a_file(void **state)
{
    (void)state;
    const char *url = "https://example.org/model.pt";
    const fal_fetch_options options = {.urls = &url, .url_count = 1, .path = fal_temp_path("model.pt")};
    fal_fetch_result result;
    fal_error err = {0};
    fal_check_fails(fal_fetch_file(&options, &result, &err), FAL_ERR_UNSUPPORTED,
                    "has no libcurl and cannot download; download https://example.org/model.pt by hand", &err);
}

static void test_a_model(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_pull_report report = {0};
    const fal_pull_options options = {.folder = fal_temp_path("models")};
    fal_check_ok(fal_model_pull("avhubert-large", &options, &report, &err), &err);
    assert_false(report.complete);
    assert_int_equal(report.files[0].how, FAL_PULL_BY_HAND);
    assert_non_null(strstr(report.steps, "https://dl.fbaipublicfiles.com/avhubert/model/"));
    fal_pull_report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
