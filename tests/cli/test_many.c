/* Several encoders at once as a user meets them: extract into a folder each, layers beside the features, gone on with
 * after an interruption, probes trained on each, and all of them judging one clip together. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/json.h"
#include "media/synth.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 6, FRAMES = 34, MEMBERS = 5 };

/* Fakes stand still a little brighter: later frames of the drawing are redder. */
static const char *dataset(void)
{
    char text[1024] = "path,label\n";
    const char *list = fal_temp_path("data/list.csv");
    if (access(list, R_OK) == 0)
        return list;
    write_text(list, text); /* makes the folder */
    for (int i = 0; i < CLIPS; i++) {
        int width = i % 2 ? 48 : 80;
        snprintf(text + strlen(text), sizeof text - strlen(text), "c%d.mov,%d\n", i, i % 2);
        synth_clip(fal_temp_path("data/c%d.mov", i), "mov",
                   &(synth_video){.encoder = "png",
                                  .pixel_format = "rgb24",
                                  .width = width,
                                  .height = 64,
                                  .frames = FRAMES + i,
                                  .fps = 25},
                   &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 40 * FRAMES});
    }
    write_text(fal_temp_path("data/list.csv"), text);
    return fal_temp_path("data/list.csv");
}

static const char *lips(void)
{
    return fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt");
}
static const char *lip_reader(void)
{
    return fal_data_path("braven/video_ft_syn/vsr_syn_ft_braven.pth");
}
static const char *pictures(void)
{
    return fal_data_path("clip/hf_safetensors_syn");
}
static const char *windows(void)
{
    return fal_data_path("videomae/hf_pretrain_syn");
}

/* Its number of heads is in no table: an imported file says it. */
static const char *faces(void)
{
    if (access(fal_temp_path("faces.safetensors"), R_OK) != 0)
        expect(run("models", "import", "--heads", "3", fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth"),
                   "-o", fal_temp_path("faces.safetensors")),
               0, NULL, NULL);
    return fal_temp_path("faces.safetensors");
}

#define MANY "-e", tiny_encoder(), "-e", lip_reader(), "-e", pictures(), "-e", windows(), "-e", faces()

static const char *const folders[MEMBERS] = {"model-audio", "vsr_syn_ft_braven-video", "hf_safetensors_syn-video",
                                             "hf_pretrain_syn-video", "faces-video"};

static const char *features(void)
{
    if (access(fal_temp_path("many"), R_OK) != 0)
        expect(run("extract", "-q", "-j", "2", dataset(), MANY, "--layers", "0,2", "-o", fal_temp_path("many")), 0,
               "6 clips x 5 encoders, 30 written, 0 already there, 0 failed", NULL);
    return fal_temp_path("many");
}

/* ---- extract ---- */

static void test_a_folder_each(void **state)
{
    (void)state;
    static const size_t rows[MEMBERS] = {FRAMES, FRAMES + 1, FRAMES + 1, (FRAMES + 2) / 2, FRAMES + 1};
    features();
    for (size_t i = 0; i < MEMBERS; i++) {
        const char *file = fal_temp_path("many/%s/c1.npz", folders[i]);
        fal_npy array = fal_golden_npz(file, "arr_0"), first = fal_golden_npz(file, "hidden_0");
        fal_npy last = fal_golden_npz(file, "hidden_2");
        assert_int_equal(array.shape[0], rows[i]);
        assert_int_equal(first.shape[0], rows[i]);
        assert_int_equal(last.shape[0], rows[i]);
        assert_int_equal(access(fal_temp_path("many/%s/extract.json", folders[i]), R_OK), 0);
        fal_npy_free(&array);
        fal_npy_free(&first);
        fal_npy_free(&last);
    }
}

/* What an encoder writes does not depend on its company. */
static void test_the_same_alone(void **state)
{
    (void)state;
    static const char *(*const alone[MEMBERS])(void) = {tiny_encoder, lip_reader, pictures, windows, faces};
    features();
    for (size_t i = 0; i < MEMBERS; i++) {
        expect(run("extract", "-q", "-j", "1", dataset(), "-e", alone[i](), "--layers", "0,2", "-o",
                   fal_temp_path("alone%zu", i)),
               0, "6 clips, 6 written", NULL);
        for (int c = 0; c < CLIPS; c++)
            check_same_file(fal_temp_path("many/%s/c%d.npz", folders[i], c), fal_temp_path("alone%zu/c%d.npz", i, c));
    }
}

static void test_only_what_is_missing(void **state)
{
    (void)state;
    features();
    assert_int_equal(unlink(fal_temp_path("many/%s/c2.npz", folders[3])), 0);
    assert_int_equal(truncate(fal_temp_path("many/%s/c4.npz", folders[1]), 300), 0);
    expect(run("extract", "-q", dataset(), MANY, "--layers", "0,2", "-o", features()), 0,
           "2 written, 28 already there, 0 failed", NULL);
    expect(run("extract", "-q", dataset(), MANY, "--layers", "0,2", "-o", features()), 0, "0 written, 30 already there",
           NULL);
}

static void test_folders_are_not_mixed(void **state)
{
    (void)state;
    expect(run("extract", "-q", dataset(), MANY, "--layers", "all", "-o", features()), 1, NULL, "other settings");
    expect(run("extract", "-q", dataset(), "-e", pictures(), "-o", features()), 1, NULL, "use another folder");
    expect(run("extract", "-q", dataset(), "-e", pictures(), "-o", fal_temp_path("one")), 0, "6 written", NULL);
    expect(run("extract", "-q", dataset(), "-e", pictures(), "-e", windows(), "-o", fal_temp_path("one")), 1, NULL,
           "use another folder");
    expect(
        run("extract", "-q", dataset(), "-e", pictures(), "--mouth-alignment", "auto-avsr", "-o", fal_temp_path("one")),
        1, NULL, "\"mouth_alignment\": \"auto-avsr\"");
}

/* Hugging Face folders are all called "model". */
static void test_encoders_of_one_name(void **state)
{
    (void)state;
    const char *other = fal_data_path("wav2vec2/wavlm-base-hf_syn/model");
    expect(run("extract", "-q", dataset(), "-e", tiny_encoder(), "-e", other, "-o", fal_temp_path("namesakes")), 0,
           "6 clips x 2 encoders, 12 written", NULL);
    expect(run("extract", "-q", dataset(), "-e", other, "-e", tiny_encoder(), "-o", fal_temp_path("namesakes")), 0,
           "12 already there", NULL);
    expect(run("extract", "-q", dataset(), "-e", other, "-e", other, "-o", fal_temp_path("twice")), 1, NULL,
           "asked for twice");
}

/* The lip encoders are three streams of one file; a layer lies beside the stream it belongs to. */
static void test_layers_of_streams(void **state)
{
    (void)state;
    static const char *const names[] = {"audio", "visual", "multimodal"};
    expect(run("extract", "-q", dataset(), "-e", lips(), "--layers", "1", "-o", fal_temp_path("lips")), 0, "6 written",
           NULL);
    for (size_t i = 0; i < 3; i++) {
        char hidden[32];
        snprintf(hidden, sizeof hidden, "%s_hidden_1", names[i]);
        fal_npy rows = fal_golden_npz(fal_temp_path("lips/c5.npz"), names[i]);
        fal_npy layer = fal_golden_npz(fal_temp_path("lips/c5.npz"), hidden);
        assert_int_equal(rows.shape[0], FRAMES); /* cut to the sound */
        assert_int_equal(layer.shape[0], FRAMES);
        fal_npy_free(&rows);
        fal_npy_free(&layer);
    }
    expect(run("extract", "-q", dataset(), "-e", lips(), "--layers", "9", "-o", fal_temp_path("never")), 1, NULL,
           "layer 9 was asked for");
    expect(run("extract", "-q", dataset(), "-e", lips(), "--layers", "first", "-o", fal_temp_path("never")), 2, NULL,
           "--layers 'first'");
}

static void test_failures_name_the_encoder(void **state)
{
    (void)state;
    const char *list = fal_temp_path("deaf/list.csv"), *out = fal_temp_path("deaf-features");
    write_sound(fal_temp_path("deaf/s.wav"), 1, 300, 1);
    write_text(list, "path,label\ns.wav,0\nabsent.wav,1\n");
    expect(run("extract", "-q", list, "-e", tiny_encoder(), "-e", pictures(), "-o", out), 1,
           "2 clips x 2 encoders, 1 written, 0 already there, 3 failed", "failed.csv tells why");
    fal_buf failed = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_temp_path("deaf-features/failed.csv"), 0, &failed, &err), &err);
    assert_non_null(strstr(failed.data, "path,encoder,reason\r\n"));
    assert_non_null(strstr(failed.data, "s.wav,hf_safetensors_syn-video,the clip has no video"));
    assert_non_null(strstr(failed.data, "absent.wav,model-audio,"));
    assert_non_null(strstr(failed.data, "absent.wav,hf_safetensors_syn-video,"));
    fal_buf_free(&failed);
}

static void test_features_by_name(void **state)
{
    (void)state;
    const char *out = fal_temp_path("named");
    expect(run("extract", "-q", dataset(), "-e", pictures(), "-e", pictures(), "--feature", "pooled", "--feature",
               "default", "-o", out),
           0, "12 written", NULL);
    fal_npy pooled = fal_golden_npz(fal_temp_path("named/hf_safetensors_syn-video-pooled/c0.npz"), "arr_0");
    fal_npy projected = fal_golden_npz(fal_temp_path("named/hf_safetensors_syn-video/c0.npz"), "arr_0");
    assert_int_equal(pooled.shape[1], 40);
    assert_int_equal(projected.shape[1], 18);
    fal_npy_free(&pooled);
    fal_npy_free(&projected);
    expect(run("extract", "-q", dataset(), "-e", pictures(), "--feature", "finest", "-o", fal_temp_path("never")), 1,
           NULL, "finest");
    expect(run("extract", "-q", dataset(), "-e", pictures(), "--feature", "a", "--feature", "b", "-o",
               fal_temp_path("never")),
           2, NULL, "2 features for 1 encoders");
}

/* ---- detect ---- */

static const char *probe(size_t index)
{
    const char *path = fal_temp_path("probe%zu.safetensors", index);
    if (access(path, R_OK) != 0)
        expect(run("train", "probe", "-q", "--train", dataset(), "--val", dataset(), "--features",
                   fal_temp_path("many/%s", folders[index]), "--stream", index ? "video" : "audio", "--epochs", "5",
                   "-o", path),
               0, NULL, NULL);
    return path;
}

#define JUDGES                                                                                                        \
    "-e", tiny_encoder(), "-p", probe(0), "-e", lip_reader(), "-p", probe(1), "-e", pictures(), "-p", probe(2), "-e", \
        windows(), "-p", probe(3), "-e", faces(), "-p", probe(4)

/* No face is drawn: mouths and faces are left out, the frames and the sound have a say. */
static void test_five_judge_together(void **state)
{
    (void)state;
    static const bool usable[MEMBERS] = {true, false, true, true, false};
    static const double rates[MEMBERS] = {25, 25, 25, 12.5, 25};
    features();
    outcome o =
        run("detect", "-q", "--json", JUDGES, "--plot", fal_temp_path("many.svg"), fal_temp_path("data/c1.mov"));
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(o.out, strlen(o.out), "stdout", &json, &err), &err);
    const fal_json *opinions = fal_json_get(json, "opinions");
    assert_int_equal(fal_json_count(opinions), MEMBERS);
    double fused = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        const fal_json *one = fal_json_at(opinions, i);
        double say = fal_json_real(fal_json_get(one, "say"), -1);
        assert_int_equal(fal_json_bool(fal_json_get(one, "usable"), !usable[i]), usable[i]);
        assert_true(fabs(say - (usable[i] ? 1.0 / 3 : 0)) < 1e-12);
        assert_true(fal_json_real(fal_json_get(one, "rate_hz"), 0) == rates[i]);
        assert_true(fal_json_count(fal_json_get(one, "frame_logits")) > 10);
        assert_non_null(fal_json_string(fal_json_get(one, "feature"), NULL));
        fused += say * fal_json_real(fal_json_get(one, "p_fake"), NAN);
    }
    assert_true(fabs(fused - fal_json_real(fal_json_get(json, "p_fake"), NAN)) < 1e-12);
    assert_null(strstr(o.out, "encoder-mismatch"));
    assert_non_null(strstr(o.out, "\"no-face\""));
    fal_json_free(&json);
    expect(o, 0, NULL, NULL);
    assert_int_equal(access(fal_temp_path("many.svg"), R_OK), 0);
}

static void test_each_ones_say_is_printed(void **state)
{
    (void)state;
    features();
    outcome o = run("detect", "-q", JUDGES, fal_temp_path("data/c1.mov"));
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "say 33%"));
    assert_non_null(strstr(o.out, "say 0%"));
    assert_non_null(strstr(o.out, "left out"));
    expect(o, 0, "faces.safetensors:video", NULL);
}

static const char *joined_probe(const char *folder, const char *arrays)
{
    const char *path = fal_temp_path("joined-%s.safetensors", arrays);
    expect(run("train", "probe", "-q", "--train", dataset(), "--val", dataset(), "--features", folder, "--arrays",
               arrays, "--epochs", "2", "-o", path),
           0, NULL, NULL);
    return path;
}

/* Features of the lip encoder's three streams. */
static const char *both_streams(void)
{
    if (access(fal_temp_path("both"), R_OK) != 0)
        expect(run("extract", "-q", dataset(), "-e", lips(), "-o", fal_temp_path("both")), 0, "6 written", NULL);
    return fal_temp_path("both");
}

/* A head on inner layers, or on two streams side by side, gets its rows as extraction would have stored them. */
static void test_heads_of_several_arrays(void **state)
{
    (void)state;
    features();
    const char *layers = joined_probe(fal_temp_path("many/%s", folders[2]), "hidden_0+hidden_2");
    outcome o = run("detect", "-q", "-e", pictures(), "-p", layers, fal_temp_path("data/c1.mov"));
    assert_null(strstr(o.out, "encoder-mismatch"));
    expect(o, 0, "35 frames", NULL);
    const char *both = joined_probe(both_streams(), "visual+audio");
    o = run("detect", "-q", "-e", lips(), "-p", both, fal_temp_path("data/c1.mov"));
    print_message("%s", o.out);
    expect(o, 0, ":av  P(fake)", NULL);
    o = run("detect", "-q", "-e", tiny_encoder(), "-p", both, fal_temp_path("data/c1.mov"));
    expect(o, 1, NULL, "has no video stream");
    expect(run("detect", "-q", "-e", windows(), "-p", layers, fal_temp_path("data/c1.mov")), 1, NULL,
           "was trained on the feature \"projected\"");
    expect(run("detect", "-q", "-e", windows(), "-p", layers, "--feature", "steps", fal_temp_path("data/c1.mov")), 1,
           NULL, "belongs to another encoder");
}

static void test_a_sync_head_judges(void **state)
{
    (void)state;
    const char *sync = fal_temp_path("judge-sync.safetensors");
    expect(run("train", "sync", "-q", "--train", dataset(), "--val", dataset(), "--features", both_streams(),
               "--allow-fakes", "--epochs", "2", "--tau", "2", "-o", sync),
           0, NULL, NULL);
    expect(run("detect", "-q", "-e", lips(), "-p", sync, fal_temp_path("data/c1.mov")), 0, ":av  P(fake)", NULL);
    expect(run("detect", "-q", "-e", pictures(), "-p", sync, fal_temp_path("data/c1.mov")), 1, NULL, "audio");
}

/* Auto-AVSR joins a frame with 640 samples of sound; here it finds 235 of them. */
static void test_too_little_sound_for_the_frames(void **state)
{
    (void)state;
    const char *both = fal_data_path("auto_avsr/avsr_v1_syn/avsr_syn_v1.pth"), *thin = fal_temp_path("thin.mov");
    const char *head = fal_temp_path("avsr.safetensors"), *out = fal_temp_path("avsr");
    synth_clip(
        thin, "mov",
        &(synth_video){.encoder = "png", .pixel_format = "rgb24", .width = 64, .height = 64, .frames = 34, .fps = 25},
        &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 500});
    expect(run("extract", "-q", dataset(), "-e", both, "-o", out), 0, "6 written", NULL);
    expect(run("train", "probe", "-q", "--train", dataset(), "--val", dataset(), "--features", out, "--epochs", "1",
               "-o", head),
           0, NULL, NULL);
    expect(run("detect", "-q", "-e", both, "-p", head, thin), 0, "av-length-ratio: 235 samples", NULL);
    outcome o = run("detect", "-q", "-e", both, "-p", head, fal_temp_path("data/c0.mov"));
    assert_null(strstr(o.out, "av-length-ratio"));
    expect(o, 0, NULL, NULL);
}

/* The file is called otherwise than when the probe was trained: a note, no warning. */
static void test_a_renamed_encoder(void **state)
{
    (void)state;
    features();
    const char *copy = fal_temp_path("elsewhere.safetensors");
    assert_int_equal(link(faces(), copy), 0);
    outcome o = run("detect", "-q", "--json", "-e", copy, "-p", probe(4), "-e", tiny_encoder(), "-p", probe(0),
                    fal_temp_path("data/c1.mov"));
    assert_non_null(strstr(o.out, "if the file was renamed"));
    expect(o, 0, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_each),
        cmocka_unit_test(test_the_same_alone),
        cmocka_unit_test(test_only_what_is_missing),
        cmocka_unit_test(test_folders_are_not_mixed),
        cmocka_unit_test(test_encoders_of_one_name),
        cmocka_unit_test(test_layers_of_streams),
        cmocka_unit_test(test_failures_name_the_encoder),
        cmocka_unit_test(test_features_by_name),
        cmocka_unit_test(test_five_judge_together),
        cmocka_unit_test(test_each_ones_say_is_printed),
        cmocka_unit_test(test_heads_of_several_arrays),
        cmocka_unit_test(test_a_sync_head_judges),
        cmocka_unit_test(test_too_little_sound_for_the_frames),
        cmocka_unit_test(test_a_renamed_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
