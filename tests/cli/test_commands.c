/* detect, encode and models as a user sees them. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/json.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *probe_path(void)
{
    const char *path = fal_temp_path("probe.safetensors");
    if (access(path, R_OK) != 0)
        write_probe(path);
    return path;
}

static const char *sound_path(const char *name, double hertz)
{
    const char *path = fal_temp_path("clips/%s", name);
    if (access(path, R_OK) != 0)
        write_sound(path, 1.8, hertz, (uint64_t)hertz);
    return path;
}

#define DETECT "detect", "-q", "-e", tiny_encoder(), "-p", probe_path()

/* ---- detect ---- */

static void test_detect_prints_a_verdict(void **state)
{
    (void)state;
    const char *clip = sound_path("a.wav", 300);
    outcome o = run(DETECT, clip);
    assert_non_null(strstr(o.out, clip));
    assert_non_null(strstr(o.out, "uncalibrated-head"));
    assert_string_equal(o.err, "");
    expect(o, 0, "P(fake)", NULL);
}

static fal_json *parse_line(const char *text, size_t length)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(text, length, "stdout", &json, &err), &err);
    return json;
}

static void test_detect_json(void **state)
{
    (void)state;
    outcome o = run(DETECT, "--json", sound_path("a.wav", 300));
    fal_json *json = parse_line(o.out, strlen(o.out));
    double p = fal_json_real(fal_json_get(json, "p_fake"), NAN);
    assert_true(p >= 0 && p <= 1);
    assert_string_equal(fal_json_string(fal_json_get(json, "format"), ""), "falsetto-judgement-1");
    assert_true(fal_json_count(fal_json_get(fal_json_at(fal_json_get(json, "opinions"), 0), "frame_logits")) > 40);
    fal_json_free(&json);
    expect(o, 0, NULL, NULL);
}

/* Every line of stdout is one clip's JSON, in order. */
static size_t count_json_lines(const char *out, const char *const *clips)
{
    size_t count = 0;
    for (const char *at = out; *at; at += strcspn(at, "\n") + 1, count++) {
        fal_json *json = parse_line(at, strcspn(at, "\n"));
        assert_string_equal(fal_json_string(fal_json_get(json, "path"), ""), clips[count]);
        fal_json_free(&json);
    }
    return count;
}

static void test_detect_goes_on_after_a_damaged_clip(void **state)
{
    (void)state;
    const char *a = sound_path("a.wav", 300), *b = sound_path("b.wav", 900), *bad = fal_temp_path("damaged.mp4");
    write_text(bad, "this was a video once");
    outcome o = run(DETECT, "--json", a, bad, b, "/nowhere/absent.mp4");
    assert_int_equal(count_json_lines(o.out, (const char *const[]){a, b}), 2);
    assert_non_null(strstr(o.err, "damaged.mp4"));
    expect(o, 1, NULL, "/nowhere/absent.mp4");
}

static void test_detect_reads_lists_and_folders(void **state)
{
    (void)state;
    char input[2200];
    const char *a = sound_path("a.wav", 300), *b = sound_path("b.wav", 900);
    write_text(fal_temp_path("clips/notes.txt"), "not a clip");
    snprintf(input, sizeof input, "%s\r\n\n%s\n", b, a);
    outcome o = run_with_input(input, DETECT, "--json", "-");
    assert_int_equal(count_json_lines(o.out, (const char *const[]){b, a}), 2);
    expect(o, 0, NULL, NULL);
    o = run(DETECT, "--json", fal_temp_path("clips"));
    assert_int_equal(count_json_lines(o.out, (const char *const[]){a, b}), 2);
    expect(o, 0, NULL, NULL);
}

/* Each clip once, although the folder holds itself. */
static void test_detect_in_a_folder_that_holds_itself(void **state)
{
    (void)state;
    const char *folder = fal_temp_path("round"), *clip = fal_temp_path("round/below/a.wav");
    write_sound(clip, 1.0, 500, 3);
    assert_int_equal(symlink(folder, fal_temp_path("round/below/back")), 0);
    outcome o = run(DETECT, "--json", folder);
    fal_json *json = parse_line(o.out, strlen(o.out));
    assert_string_equal(fal_json_string(fal_json_get(json, "path"), ""), clip);
    fal_json_free(&json);
    expect(o, 0, NULL, NULL);
}

static void test_detect_draws(void **state)
{
    (void)state;
    const char *a = sound_path("a.wav", 300), *b = sound_path("b.wav", 900);
    expect(run(DETECT, "--plot", fal_temp_path("one.pdf"), a), 0, NULL, NULL);
    assert_int_equal(access(fal_temp_path("one.pdf"), R_OK), 0);
    expect(run(DETECT, "--plots", fal_temp_path("plots"), a, b), 0, NULL, NULL);
    assert_int_equal(files_in(fal_temp_path("plots"), ".svg"), 2);
    assert_int_equal(files_in(fal_temp_path("plots"), ""), 2);
    expect(run(DETECT, "--plot", fal_temp_path("one.bmp"), a), 1, NULL, "one.bmp");
}

static void test_detect_without_its_stream(void **state)
{
    (void)state;
    const char *lips = fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt");
    const char *head = fal_data_path("heads/linear_forward/checkpoint_audio/model-epoch=03.ckpt");
    expect(run("detect", "-e", lips, "-p", head, sound_path("a.wav", 300)), 1, NULL, "takes features of 24 channels");
    expect(run("detect", "-e", "no-such-encoder", "-p", head, sound_path("a.wav", 300)), 1, NULL, "no-such-encoder");
    expect(run("detect", "-e", lips, "-p", lips, sound_path("a.wav", 300)), 1, NULL, "holds no head");
}

/* ---- encode ---- */

static void check_member(const char *npz, const char *member, const char *golden, size_t row_first, double tolerance)
{
    fal_npy got = fal_golden_npz(npz, member), want = fal_golden_npy(golden);
    assert_true(got.count > 0 && row_first + got.count <= want.count);
    fal_check_close(member, got.data, fal_npy_f32(&want) + row_first, got.count, tolerance, 1e-5);
    fal_npy_free(&got);
    fal_npy_free(&want);
}

#define AVHUBERT(file) fal_data_path("avhubert/finetuned_seq2seq_syn/%s", file)

static void test_encode_against_a_golden(void **state)
{
    (void)state;
    const char *out = fal_temp_path("encoded.npz");
    expect(run("encode", AVHUBERT("checkpoint_ft.pt"), "--stream", "av", "--audio", AVHUBERT("input_audio.npy"),
               "--video", AVHUBERT("input_video.npy"), "--layers", "all", "-o", out),
           0, "features [2,16] at 25 Hz, 3 hidden states", NULL);
    check_member(out, "features", AVHUBERT("av_final.npy"), 0, 1e-4);
    check_member(out, "hidden_0", AVHUBERT("av_hidden.npy"), 0, 1e-4);
    check_member(out, "hidden_1", AVHUBERT("av_hidden.npy"), 32, 1e-4);
    check_member(out, "hidden_2", AVHUBERT("av_hidden.npy"), 64, 1e-4);
}

static void test_encode_writes_stages(void **state)
{
    (void)state;
    const char *out = fal_temp_path("staged.npz");
    expect(run("encode", AVHUBERT("checkpoint_ft.pt"), "--stream", "audio", "--audio", AVHUBERT("input_audio.npy"),
               "--dump-stages", fal_temp_path("stages"), "--layers", "1", "-o", out),
           0, "1 hidden states", NULL);
    assert_true(files_in(fal_temp_path("stages"), ".npz") >= 4);
}

static void test_encode_names_what_is_wrong(void **state)
{
    (void)state;
    const char *out = fal_temp_path("never.npz"), *model = AVHUBERT("checkpoint_ft.pt");
    expect(run("encode", model, "--stream", "audio", "-o", out), 1, NULL, "audio");
    expect(run("encode", model, "--stream", "audio", "--audio", "absent.npy", "-o", out), 1, NULL, "absent.npy");
    expect(run("encode", model, "--stream", "audio", "--audio", AVHUBERT("input_video.npy"), "-o", out), 1, NULL, "88");
    expect(
        run("encode", model, "--stream", "audio", "--audio", AVHUBERT("input_audio.npy"), "--layers", "7", "-o", out),
        1, NULL, "7");
    expect(run("encode", "absent.pt", "-o", out), 1, NULL, "absent.pt");
    assert_int_not_equal(access(out, F_OK), 0);
}

/* ---- models ---- */

/* The imported file is the same encoder. */
static void test_models_import(void **state)
{
    (void)state;
    const char *tidy = fal_temp_path("tidy.safetensors"), *out = fal_temp_path("tidy.npz");
    expect(run("models", "import", AVHUBERT("checkpoint_ft.pt"), "-o", tidy), 0, "tidy.safetensors", NULL);
    expect(run("encode", tidy, "--stream", "av", "--audio", AVHUBERT("input_audio.npy"), "--video",
               AVHUBERT("input_video.npy"), "-o", out),
           0, NULL, NULL);
    check_member(out, "features", AVHUBERT("av_final.npy"), 0, 1e-4);
    expect(run("models", "import", probe_path(), "-o", fal_temp_path("no.safetensors")), 1, NULL, "probe.safetensors");
    assert_int_not_equal(access(fal_temp_path("no.safetensors"), F_OK), 0);
    expect(run("models", "init", "no-such-model", "-o", fal_temp_path("no.safetensors")), 1, NULL, "no-such-model");
}

/* ---- bench ---- */

static void test_bench(void **state)
{
    (void)state;
    outcome o = run("bench", "encoder", tiny_encoder(), "--seconds", "0.5", "--repeat", "3", "--json", "-j", "1");
    fal_json *json = parse_line(o.out, strlen(o.out));
    assert_int_equal(fal_json_count(fal_json_get(json, "seconds")), 3);
    fal_json_free(&json);
    expect(o, 0, "\"family\": \"wav2vec2\"", NULL);
    expect(run("bench", "encoder", tiny_encoder(), "--seconds", "nan"), 2, NULL, "--seconds 0.1 to 3600");
    expect(run("bench", "encoder", tiny_encoder(), "--repeat", "0"), 2, NULL, "--repeat must be");
    expect(run("bench", "encoder", "absent.pt"), 1, NULL, "absent.pt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect_prints_a_verdict),
        cmocka_unit_test(test_detect_json),
        cmocka_unit_test(test_detect_goes_on_after_a_damaged_clip),
        cmocka_unit_test(test_detect_reads_lists_and_folders),
        cmocka_unit_test(test_detect_in_a_folder_that_holds_itself),
        cmocka_unit_test(test_detect_draws),
        cmocka_unit_test(test_detect_without_its_stream),
        cmocka_unit_test(test_encode_against_a_golden),
        cmocka_unit_test(test_encode_writes_stages),
        cmocka_unit_test(test_encode_names_what_is_wrong),
        cmocka_unit_test(test_models_import),
        cmocka_unit_test(test_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
