/* Names of feature arrays, as extraction writes them. */
#include "judge/part_name.h"
#include "support/test.h"

static void expect_name(const char *name, fal_stream stream, int layer)
{
    fal_part_name part;
    if (!fal_part_name_parse(name, &part))
        fail_msg("%s: not understood", name ? name : "NULL");
    if (part.stream != stream || part.layer != layer)
        fail_msg("%s: got stream %d layer %d, want %d and %d", name ? name : "NULL", (int)part.stream, part.layer,
                 (int)stream, layer);
}

static void test_names(void **state)
{
    (void)state;
    expect_name(NULL, (fal_stream)0, -1);
    expect_name("arr_0", (fal_stream)0, -1);
    expect_name("audio", FAL_STREAM_AUDIO, -1);
    expect_name("visual", FAL_STREAM_VIDEO, -1);
    expect_name("video", FAL_STREAM_VIDEO, -1);
    expect_name("multimodal", FAL_STREAM_AV, -1);
    expect_name("hidden_0", (fal_stream)0, 0);
    expect_name("hidden_48", (fal_stream)0, 48);
    expect_name("audio_hidden_7", FAL_STREAM_AUDIO, 7);
    expect_name("multimodal_hidden_12", FAL_STREAM_AV, 12);
}

static void test_other_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",          "hidden",    "hidden_",        "hidden_x",
                                        "hidden_-1", "hidden_7x", "audios",         "audio_",
                                        "audio_7",   "arr_1",     "arr_0_hidden_1", "hidden_99999999999999999999"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fal_part_name part;
        if (fal_part_name_parse(names[i], &part))
            fail_msg("'%s' was understood as stream %d layer %d", names[i], (int)part.stream, part.layer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
