/* One clip through many encoders at once: the same bytes as one by one and as in one piece, whatever the company, the
 * chunks and the streams; tiny encoders of every family. */
#include "core/alloc.h"
#include "feature/clip_encode.h"
#include "media/clip.h"
#include "media/picture_scale.h"
#include "media/synth.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <stdio.h>
#include <string.h>

enum { FRAMES = 70, WIDTH = 96, HEIGHT = 80 }; /* two full chunks of pictures and a part of one */

static const struct {
    const char *name, *path;
    int heads;
    fal_stream stream;
} rows_of_table[] = {
    {"avhubert", "avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt", 0, FAL_STREAM_AV},
    {"wav2vec2", "wav2vec2/w2v2-xlsr-hf_syn/model", 0, FAL_STREAM_AUDIO},
    {"wavlm", "wav2vec2/wavlm-base-hf_syn/model", 0, FAL_STREAM_AUDIO},
    {"braven", "braven/video_ft_syn/vsr_syn_ft_braven.pth", 0, FAL_STREAM_VIDEO},
    {"auto-avsr", "auto_avsr/avsr_v1_syn/avsr_syn_v1.pth", 0, FAL_STREAM_AV},
    {"clip", "clip/hf_safetensors_syn", 0, FAL_STREAM_VIDEO},
    {"videomae", "videomae/hf_pretrain_syn", 0, FAL_STREAM_VIDEO},
    {"fsfm", "fsfm/pretrain_online_syn/checkpoint-400.pth", 3, FAL_STREAM_VIDEO},
};
enum {
    ENCODERS = sizeof rows_of_table / sizeof *rows_of_table,
    AVHUBERT = 0,
    WAV2VEC2 = 1,
    BRAVEN = 3,
    AVSR = 4,
    CLIP = 5,
    VIDEOMAE = 6,
    FSFM = 7
};

static fal_encoder *encoders[ENCODERS];
static fal_session *session;
static fal_detector *detector;

static int open_all(void **state)
{
    (void)state;
    fal_error err = {0};
    for (size_t i = 0; i < ENCODERS; i++)
        fal_check_ok(fal_encoder_open(fal_data_path("%s", rows_of_table[i].path),
                                      &(fal_encoder_options){.heads = rows_of_table[i].heads}, &encoders[i], &err),
                     &err);
    fal_check_ok(fal_session_create(&(fal_session_options){.threads = 1}, &session, &err), &err);
    fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCODERS; i++)
        fal_encoder_free(&encoders[i]);
    fal_session_free(&session);
    fal_detector_free(&detector);
    return 0;
}

static fal_clip_request ask(size_t index)
{
    return (fal_clip_request){.encoder = encoders[index], .stream = rows_of_table[index].stream};
}

/* Drawn, without a face: crops are the middle of the frames. */
static const char *drawn_clip(const char *name, int frames, bool sound)
{
    const char *path = fal_temp_path("%s.mov", name);
    synth_clip(
        path, "mov",
        &(synth_video){
            .encoder = "png", .pixel_format = "rgb24", .width = WIDTH, .height = HEIGHT, .frames = frames, .fps = 25},
        sound ? &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = frames * 40}
              : &(synth_audio){0});
    return path;
}

static const char *clip(void)
{
    static char path[4096];
    if (!path[0])
        snprintf(path, sizeof path, "%s", drawn_clip("drawn", FRAMES, true));
    return path;
}

static fal_clip_encoding encode(const char *path, const fal_clip_request *requests, size_t count, fal_input_request how)
{
    fal_clip_encoding out = {0};
    fal_error err = {0};
    how.detector = detector;
    fal_check_ok(fal_clip_encode(path, &how, session, requests, count, &out, &err), &err);
    assert_int_equal(out.row_count, count);
    return out;
}

static void check_same_block(const char *what, const fal_row_block *got, const fal_row_block *want)
{
    if (got->rows != want->rows || got->dim != want->dim)
        fail_msg("%s: got [%lld,%lld], want [%lld,%lld]", what, (long long)got->rows, (long long)got->dim,
                 (long long)want->rows, (long long)want->dim);
    if (memcmp(got->data, want->data, (size_t)(got->rows * got->dim) * sizeof *got->data))
        fal_check_close(what, got->data, want->data, (size_t)(got->rows * got->dim), 0, 0);
}

static void check_same(const char *what, const fal_clip_rows *got, const fal_clip_rows *want)
{
    char title[96];
    if (got->status != FAL_OK)
        fail_msg("%s: %s", what, got->why.text);
    assert_int_equal(want->status, FAL_OK);
    check_same_block(what, &got->features, &want->features);
    assert_int_equal(got->hidden_count, want->hidden_count);
    for (size_t i = 0; i < got->hidden_count; i++) {
        snprintf(title, sizeof title, "%s layer %d", what, got->hidden[i].layer);
        assert_int_equal(got->hidden[i].layer, want->hidden[i].layer);
        check_same_block(title, &got->hidden[i].block, &want->hidden[i].block);
    }
}

/* ---- company ---- */

static void check_company(const char *path, fal_input_request how)
{
    fal_clip_request requests[ENCODERS];
    for (size_t i = 0; i < ENCODERS; i++) {
        requests[i] = ask(i);
        requests[i].all_layers = true;
    }
    fal_clip_encoding all = encode(path, requests, ENCODERS, how);
    for (size_t i = 0; i < ENCODERS; i++) {
        fal_clip_encoding one = encode(path, &requests[i], 1, how);
        print_message("%s: [%lld,%lld], %zu layers\n", rows_of_table[i].name, (long long)all.rows[i].features.rows,
                      (long long)all.rows[i].features.dim, all.rows[i].hidden_count);
        check_same(rows_of_table[i].name, &all.rows[i], &one.rows[0]);
        fal_clip_encoding_free(&one);
    }
    fal_clip_encoding_free(&all);
}

static void test_alone_and_together(void **state)
{
    (void)state;
    check_company(clip(), (fal_input_request){0});
    check_company(clip(), (fal_input_request){.trim_silence = true});
}

/* dlib's detector is a header: with sanitizers a face search takes twenty times as long. */
static void skip_when_sanitized(void)
{
#ifdef FAL_ALLOC_FAIL
    print_message("skipped: faces of a real clip, too slow with sanitizers; other builds run it\n");
    skip();
#endif
}

static void test_alone_and_together_on_a_face(void **state)
{
    (void)state;
    const char *path = fal_reference_path("media/fake_06_sadtalker_art_256.mp4");
    fal_skip_without(path);
    skip_when_sanitized();
    check_company(path, (fal_input_request){.threads = 2});
}

static void test_rows_and_rates(void **state)
{
    (void)state;
    static const int64_t rows[ENCODERS] = {FRAMES, FRAMES, FRAMES, FRAMES, FRAMES, FRAMES, FRAMES / 2, FRAMES};
    fal_clip_request requests[ENCODERS];
    for (size_t i = 0; i < ENCODERS; i++) {
        requests[i] = ask(i);
        requests[i].all_layers = true;
    }
    fal_clip_encoding all = encode(clip(), requests, ENCODERS, (fal_input_request){0});
    for (size_t i = 0; i < ENCODERS; i++) {
        const fal_clip_rows *r = &all.rows[i];
        assert_int_equal(r->features.rows, rows[i]);
        assert_int_equal(r->hidden_count, fal_encoder_describe(encoders[i])->layers + 1);
        for (size_t k = 0; k < r->hidden_count; k++)
            assert_int_equal(r->hidden[k].block.rows, rows[i]); /* pooled to the features' rate */
    }
    assert_true(all.inputs.face.looked && all.inputs.face.whole_frames);
    assert_int_equal(all.inputs.frames, FRAMES);
    assert_true(all.encode_s > 0 && all.inputs.decode_s > 0 && all.inputs.face_s > 0);
    fal_clip_encoding_free(&all);
}

/* ---- pieces ---- */

/* The clip's frames, scaled, all at once: what an encoder of pictures would get if memory were no matter. */
static uint8_t *all_pictures(const char *path, const fal_picture_rule *rule, int64_t *count)
{
    fal_clip *reader = NULL;
    fal_frame frame;
    fal_picture_scaler *scaler = NULL;
    fal_error err = {0};
    bool end = false;
    size_t bytes = (size_t)(rule->side * rule->side * 3);
    uint8_t *out = fal_malloc_array(FRAMES, bytes);
    assert_non_null(out);
    fal_check_ok(fal_clip_open(path, NULL, &reader, &err), &err);
    for (*count = 0; *count < FRAMES; ++*count) {
        fal_check_ok(fal_clip_next_frame(reader, &frame, &end, &err), &err);
        if (end)
            break;
        fal_check_ok(fal_picture_scaler_fit(&scaler, frame.width, frame.height, rule, &err), &err);
        fal_picture_scaler_run(scaler, frame.data, frame.stride, out + (size_t)*count * bytes);
    }
    fal_picture_scaler_free(&scaler);
    fal_clip_free(&reader);
    return out;
}

static void test_pieces_are_the_whole(void **state)
{
    (void)state;
    for (size_t i = CLIP; i <= VIDEOMAE; i++) {
        fal_clip_request request = ask(i);
        const fal_picture_rule *rule = &fal_encoder_describe(encoders[i])->picture;
        fal_encoding whole;
        fal_error err = {0};
        int64_t count;
        fal_clip_encoding pieces = encode(clip(), &request, 1, (fal_input_request){0});
        uint8_t *pictures = all_pictures(clip(), rule, &count);
        fal_array array = {FAL_ELEMENT_U8, 4, {count, rule->side, rule->side, 3}, pictures};
        fal_check_ok(fal_encode_arrays(&request, session, NULL, &array, &whole, &err), &err);
        assert_int_equal(count, FRAMES);
        assert_int_equal(whole.rows, pieces.rows[0].features.rows);
        fal_check_close(rows_of_table[i].name, pieces.rows[0].features.data, whole.features,
                        (size_t)(whole.rows * whole.dim), 0, 0);
        fal_free(pictures);
        fal_clip_encoding_free(&pieces);
    }
}

/* ---- exact preprocessing ---- */

static float *rows_from_pictures(const fal_clip_request *request, const fal_picture_rule *rule, int64_t *values)
{
    fal_encoding whole;
    fal_error err = {0};
    int64_t count;
    uint8_t *pictures = all_pictures(clip(), rule, &count);
    fal_array array = {FAL_ELEMENT_U8, 4, {count, rule->side, rule->side, 3}, pictures};
    fal_check_ok(fal_encode_arrays(request, session, NULL, &array, &whole, &err), &err);
    *values = whole.rows * whole.dim;
    float *copy = fal_malloc_array((size_t)*values, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, whole.features, (size_t)*values * sizeof *copy);
    fal_free(pictures);
    return copy;
}

/* The clip has 25 frames per second: exact mode shows the same frames, only their scaling may differ. */
static void check_scaling(const char *what, const fal_encoder *encoder, bool exact, fal_scaling scaling)
{
    fal_clip_request request = {.encoder = encoder, .stream = FAL_STREAM_VIDEO};
    fal_picture_rule rule = fal_encoder_describe(encoder)->picture;
    rule.scaling = scaling;
    int64_t values;
    float *want = rows_from_pictures(&request, &rule, &values);
    fal_clip_encoding got = encode(clip(), &request, 1, (fal_input_request){.exact = exact});
    assert_int_equal(got.rows[0].status, FAL_OK);
    assert_int_equal(got.rows[0].features.rows * got.rows[0].features.dim, values);
    fal_check_close(what, got.rows[0].features.data, want, (size_t)values, 0, 0);
    fal_free(want);
    fal_clip_encoding_free(&got);
}

/* Official VideoMAE files get OpenCV's filter; without exactness, and for other files with it, Pillow's. */
static void test_exact_scaling(void **state)
{
    (void)state;
    fal_encoder *official = NULL;
    fal_error err = {0};
    int64_t values;
    fal_check_ok(fal_encoder_open(fal_data_path("videomae/official_pretrain_syn/checkpoint.pth"),
                                  &(fal_encoder_options){.heads = 5}, &official, &err),
                 &err);
    check_scaling("official", official, false, FAL_SCALE_BILINEAR);
    check_scaling("official, exact", official, true, FAL_SCALE_OPENCV_BILINEAR);
    check_scaling("Hugging Face, exact", encoders[VIDEOMAE], true, FAL_SCALE_BILINEAR);
    check_scaling("clip, exact", encoders[CLIP], true, FAL_SCALE_BICUBIC);
    fal_clip_request request = {.encoder = official, .stream = FAL_STREAM_VIDEO};
    float *pillow = rows_from_pictures(&request, &fal_encoder_describe(official)->picture, &values);
    fal_picture_rule rule = fal_encoder_describe(official)->picture;
    rule.scaling = FAL_SCALE_OPENCV_BILINEAR;
    float *opencv = rows_from_pictures(&request, &rule, &values);
    assert_true(memcmp(pillow, opencv, (size_t)values * sizeof *pillow) != 0);
    fal_free(pillow);
    fal_free(opencv);
    fal_encoder_free(&official);
}

/* Twice the same encoder: its pictures are scaled once, and both get them. */
static void test_shared_pictures(void **state)
{
    (void)state;
    fal_clip_request requests[3] = {ask(CLIP), ask(CLIP), ask(VIDEOMAE)};
    fal_clip_encoding all = encode(clip(), requests, 3, (fal_input_request){0});
    check_same("second of two", &all.rows[1], &all.rows[0]);
    fal_clip_encoding_free(&all);
}

/* ---- streams that are missing ---- */

static void expect_status(const fal_clip_encoding *all, size_t index, fal_status want, const char *part)
{
    const fal_clip_rows *r = &all->rows[index];
    if (r->status != want || (part && !strstr(r->why.text, part)))
        fail_msg("%s: status %s (%s), want %s", rows_of_table[index].name, fal_status_name(r->status),
                 r->status ? r->why.text : "", fal_status_name(want));
    assert_true((r->features.rows > 0) == (want == FAL_OK));
}

static fal_clip_encoding encode_all(const char *path, fal_input_request how)
{
    fal_clip_request requests[ENCODERS];
    for (size_t i = 0; i < ENCODERS; i++)
        requests[i] = ask(i);
    return encode(path, requests, ENCODERS, how);
}

static void test_clip_without_sound(void **state)
{
    (void)state;
    fal_clip_encoding all = encode_all(drawn_clip("mute", 8, false), (fal_input_request){0});
    for (size_t i = 0; i < ENCODERS; i++) {
        bool hears = rows_of_table[i].stream & FAL_STREAM_AUDIO;
        expect_status(&all, i, hears ? FAL_ERR_NOT_FOUND : FAL_OK, hears ? "no audio" : NULL);
    }
    fal_clip_encoding_free(&all);
}

static void test_clip_without_picture(void **state)
{
    (void)state;
    const char *path = fal_temp_path("dark.wav");
    synth_clip(path, "wav", &(synth_video){0},
               &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 500});
    fal_clip_encoding all = encode_all(path, (fal_input_request){0});
    for (size_t i = 0; i < ENCODERS; i++) {
        bool sees = rows_of_table[i].stream & FAL_STREAM_VIDEO;
        expect_status(&all, i, sees ? FAL_ERR_NOT_FOUND : FAL_OK, sees ? "no video" : NULL);
    }
    assert_false(all.inputs.face.looked);
    fal_clip_encoding_free(&all);
}

/* Sound too short for the waveform encoders of one frame of picture. */
static void test_clip_of_one_frame(void **state)
{
    (void)state;
    const char *path = fal_temp_path("short.mov");
    synth_clip(
        path, "mov",
        &(synth_video){.encoder = "png", .pixel_format = "rgb24", .width = 64, .height = 48, .frames = 1, .fps = 25},
        &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 5});
    fal_clip_encoding all = encode_all(path, (fal_input_request){0});
    expect_status(&all, WAV2VEC2, FAL_ERR_TOO_SHORT, NULL);
    expect_status(&all, BRAVEN, FAL_OK, NULL);
    expect_status(&all, CLIP, FAL_OK, NULL);
    expect_status(&all, VIDEOMAE, FAL_OK, NULL);
    expect_status(&all, AVHUBERT, FAL_OK, NULL);
    assert_int_equal(all.rows[CLIP].features.rows, 1);
    assert_int_equal(all.rows[VIDEOMAE].features.rows, 1);
    fal_clip_encoding_free(&all);
}

/* ---- lengths, alignments, trimming ---- */

static int64_t rows_of(const char *path, fal_stream stream, bool pair)
{
    fal_clip_request requests[2] = {ask(AVHUBERT), ask(AVHUBERT)};
    requests[0].stream = stream;
    requests[0].pair = pair;
    fal_clip_encoding got = encode(path, requests, 2, (fal_input_request){0});
    int64_t rows = got.rows[0].features.rows;
    fal_clip_encoding_free(&got);
    return rows;
}

/* The audio-visual stream is cut to the shorter side; one stream alone only if it is asked to match. */
static void test_pairs(void **state)
{
    (void)state;
    const char *path = fal_temp_path("uneven.mov");
    synth_clip(
        path, "mov",
        &(synth_video){.encoder = "png", .pixel_format = "rgb24", .width = 64, .height = 48, .frames = 10, .fps = 25},
        &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 800});
    assert_int_equal(rows_of(path, FAL_STREAM_AV, false), 10);
    assert_int_equal(rows_of(path, FAL_STREAM_AUDIO, true), 10);
    assert_int_equal(rows_of(path, FAL_STREAM_AUDIO, false), 20);
    assert_int_equal(rows_of(path, FAL_STREAM_VIDEO, false), 10);
}

static void test_mouth_alignment(void **state)
{
    (void)state;
    const char *path = fal_reference_path("media/fake_06_sadtalker_art_256.mp4");
    fal_skip_without(path);
    skip_when_sanitized();
    fal_clip_request requests[2] = {ask(BRAVEN), {.encoder = encoders[AVSR], .stream = FAL_STREAM_AV}};
    fal_clip_encoding own = encode(path, requests, 2, (fal_input_request){0});
    fal_clip_encoding hubert = encode(path, requests, 2, (fal_input_request){.mouth_alignment = FAL_MOUTH_AVHUBERT});
    fal_clip_encoding avsr = encode(path, requests, 2, (fal_input_request){.mouth_alignment = FAL_MOUTH_AUTO_AVSR});
    size_t pixels = (size_t)own.inputs.frames * 96 * 96;
    assert_true(own.inputs.mouth && own.inputs.mouth_avsr);
    assert_true(hubert.inputs.mouth && !hubert.inputs.mouth_avsr);
    assert_memory_equal(own.inputs.mouth, hubert.inputs.mouth, pixels);
    assert_memory_equal(own.inputs.mouth_avsr, avsr.inputs.mouth_avsr, 3 * pixels);
    assert_true(memcmp(own.inputs.mouth, avsr.inputs.mouth, pixels) != 0);
    check_same("braven in its own alignment", &hubert.rows[0], &own.rows[0]);
    check_same("auto-avsr in its own alignment", &avsr.rows[1], &own.rows[1]);
    assert_int_equal(hubert.rows[1].status, FAL_OK);
    assert_int_equal(avsr.rows[0].features.rows, own.rows[0].features.rows);
    fal_clip_encoding_free(&own);
    fal_clip_encoding_free(&hubert);
    fal_clip_encoding_free(&avsr);
}

/* Pictures lose the same time as the sound: the clip begins with a second of silence. */
static void test_trimmed_pictures(void **state)
{
    (void)state;
    const char *path = fal_temp_path("late.mov");
    synth_clip(
        path, "mov",
        &(synth_video){.encoder = "png", .pixel_format = "rgb24", .width = 64, .height = 48, .frames = 40, .fps = 25},
        &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .start_ms = 1000, .length_ms = 600});
    fal_clip_encoding whole = encode_all(path, (fal_input_request){0});
    fal_clip_encoding cut = encode_all(path, (fal_input_request){.trim_silence = true});
    int64_t dropped = whole.inputs.frames - cut.inputs.frames;
    const fal_row_block *all = &whole.rows[CLIP].features, *rest = &cut.rows[CLIP].features;
    assert_in_range(dropped, 24, 26);
    assert_int_equal(rest->rows, all->rows - dropped);
    fal_check_close("frames after the silence", rest->data, all->data + dropped * all->dim,
                    (size_t)(rest->rows * rest->dim), 0, 0);
    assert_int_equal(cut.rows[FSFM].features.rows, rest->rows);
    assert_int_equal(cut.rows[BRAVEN].features.rows, rest->rows);
    fal_clip_encoding_free(&whole);
    fal_clip_encoding_free(&cut);
}

/* ---- stopping ---- */

typedef struct stopper {
    const char *phase;
    volatile sig_atomic_t cancel;
} stopper;

static void stop_in_phase(void *user, const char *what, double done, double total)
{
    (void)done, (void)total;
    stopper *s = user;
    s->cancel |= !strcmp(what, s->phase);
}

static void test_cancel(void **state)
{
    (void)state;
    static const char *const phases[] = {"face track", "crops", "encoding"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        stopper s = {.phase = phases[i]};
        fal_progress progress = {.report = stop_in_phase, .user = &s, .cancel = &s.cancel};
        fal_session *listening = NULL;
        fal_clip_request requests[3] = {ask(CLIP), ask(FSFM), ask(BRAVEN)};
        fal_clip_encoding out = {0};
        fal_error err = {0};
        fal_input_request how = {.detector = detector, .progress = &progress};
        fal_check_ok(fal_session_create(&(fal_session_options){.threads = 1, .cancel = &s.cancel}, &listening, &err),
                     &err);
        fal_check_fails(fal_clip_encode(clip(), &how, listening, requests, 3, &out, &err), FAL_ERR_CANCELLED, NULL,
                        &err);
        assert_null(out.rows);
        fal_session_free(&listening);
    }
}

/* ---- failure ---- */

/* What cannot be done ends that encoder only. */
static void test_layer_that_is_not_there(void **state)
{
    (void)state;
    fal_clip_request requests[3] = {ask(CLIP), ask(BRAVEN), ask(CLIP)};
    requests[0].layers = requests[1].layers = &(int){77};
    requests[0].layer_count = requests[1].layer_count = 1;
    fal_clip_encoding got = encode(clip(), requests, 3, (fal_input_request){0});
    assert_int_equal(got.rows[0].status, FAL_ERR_ARGUMENT);
    assert_non_null(strstr(got.rows[0].why.text, "layer 77"));
    assert_int_equal(got.rows[1].status, FAL_ERR_ARGUMENT);
    assert_int_equal(got.rows[2].status, FAL_OK);
    assert_int_equal(got.rows[2].features.rows, FRAMES);
    fal_clip_encoding_free(&got);
}

static fal_status encode_small(void *user, fal_error *err)
{
    fal_clip_encoding out = {0};
    fal_clip_request requests[3] = {ask(CLIP), ask(FSFM), ask(WAV2VEC2)};
    fal_input_request how = {.detector = detector};
    fal_status st = fal_clip_encode(user, &how, session, requests, 3, &out, err);
    fal_clip_encoding_free(&out);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fal_check_alloc_failures("clip_encode", encode_small, (void *)drawn_clip("small", 2, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_and_together),
        cmocka_unit_test(test_alone_and_together_on_a_face),
        cmocka_unit_test(test_rows_and_rates),
        cmocka_unit_test(test_pieces_are_the_whole),
        cmocka_unit_test(test_exact_scaling),
        cmocka_unit_test(test_shared_pictures),
        cmocka_unit_test(test_clip_without_sound),
        cmocka_unit_test(test_clip_without_picture),
        cmocka_unit_test(test_clip_of_one_frame),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_mouth_alignment),
        cmocka_unit_test(test_trimmed_pictures),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_layer_that_is_not_there),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
