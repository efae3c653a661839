/* BRAVEn and Auto-AVSR where no golden looks: long clips in blocks, preparation of mouth crops, the halves of an
 * audio-visual model, old tensor names, wrong input, initialisation. */
#include "core/alloc.h"
#include "core/str.h"
#include "encoder/loaded.h"
#include "encoder/mouth_frames.h"
#include "encoder/resnet.h"
#include "support/golden.h"
#include "weights/safetensors_write.h"

#include <stdio.h>
#include <string.h>

#define LISTENER "braven/audio_ft_syn/asr_syn_ft_braven.pth"
#define READER "braven/video_ft_syn/vsr_syn_ft_braven.pth"
#define BOTH "auto_avsr/avsr_v1_syn/avsr_syn_v1.pth"

enum { SIDE = FAL_TRUNK_SIDE, LONG_FRAMES = 150, TAIL_SAMPLES = 77 };

/* ---- helpers ---- */

static fal_encoder *open_encoder(const char *path)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    fal_check_ok(fal_encoder_open(path, NULL, &enc, &err), &err);
    return enc;
}

static void count_stage(void *user, const char *stage, const fal_array *value)
{
    (void)stage;
    (void)value;
    ++*(int *)user;
}

/* Features as a copy freed with fal_free; with a hook the front ends run in one piece. */
static float *encode(const fal_encoder *enc, const fal_encode_request *request, bool hooked, size_t *count)
{
    fal_error err = {0};
    fal_session *session = NULL;
    fal_encoding out;
    int stages = 0;
    fal_session_options options = {.stage = hooked ? count_stage : NULL, .stage_user = &stages};
    fal_check_ok(fal_session_create(&options, &session, &err), &err);
    fal_check_ok(fal_encode(enc, session, request, &out, &err), &err);
    assert_true(!hooked || stages > 0);
    *count = (size_t)(out.rows * out.dim);
    float *copy = fal_malloc_array(*count, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, out.features, *count * sizeof *copy);
    fal_session_free(&session);
    return copy;
}

static float *long_wave(int64_t samples)
{
    uint32_t state = 7;
    float *wave = fal_malloc_array((size_t)samples, sizeof *wave);
    assert_non_null(wave);
    for (int64_t i = 0; i < samples; i++) {
        state = state * 1664525u + 1013904223u;
        wave[i] = 0.3f * ((float)(state >> 8) / (1 << 23) - 1);
    }
    return wave;
}

/* ---- long clips ---- */

/* 150 frames are three blocks of different sizes; the tail that makes no frame is heard by nobody. */
static void test_blocks_leave_no_trace(void **state)
{
    (void)state;
    int64_t samples = LONG_FRAMES * FAL_TRUNK_SAMPLES + TAIL_SAMPLES;
    fal_encoder *enc = open_encoder(fal_data_path(LISTENER));
    float *wave = long_wave(samples);
    fal_array audio = {FAL_ELEMENT_F32, 1, {samples}, wave};
    fal_encode_request request = {.audio = &audio};
    size_t whole_count, blocks_count, cut_count;
    float *whole = encode(enc, &request, true, &whole_count), *blocks = encode(enc, &request, false, &blocks_count);
    audio.shape[0] = LONG_FRAMES * FAL_TRUNK_SAMPLES;
    float *cut = encode(enc, &request, false, &cut_count);
    assert_int_equal(whole_count, LONG_FRAMES * fal_encoder_describe(enc)->dim);
    assert_int_equal(blocks_count, whole_count);
    assert_int_equal(cut_count, whole_count);
    assert_memory_equal(blocks, whole, whole_count * sizeof *whole);
    assert_memory_equal(cut, whole, whole_count * sizeof *whole);
    fal_free(wave);
    fal_free(whole);
    fal_free(blocks);
    fal_free(cut);
    fal_encoder_free(&enc);
}

/* ---- mouth crops ---- */

static void read_crop(const uint8_t *pixels, int rank, int64_t side, fal_mouth_grey grey, float out[SIDE * SIDE])
{
    fal_error err = {0};
    fal_mouth_frames frames;
    fal_tensor video = fal_tensor_make(FAL_U8, pixels, rank, (int64_t[]){1, side, side, 3});
    fal_check_ok(fal_mouth_open(&video, grey, &frames, &err), &err);
    assert_int_equal(frames.frames, 1);
    fal_mouth_read(&frames, 0, out);
}

/* Grey crops count as R = G = B, and the weights sum to 0.9999. */
static void test_grey_of_grey(void **state)
{
    (void)state;
    static uint8_t grey[96 * 96], colour[96 * 96 * 3];
    static float from_grey[SIDE * SIDE], from_colour[SIDE * SIDE], given[SIDE * SIDE];
    for (int i = 0; i < 96 * 96; i++)
        grey[i] = colour[3 * i] = colour[3 * i + 1] = colour[3 * i + 2] = (uint8_t)(i * 7);
    read_crop(grey, 3, 96, FAL_GREY_WEIGHTED, from_grey);
    read_crop(colour, 4, 96, FAL_GREY_WEIGHTED, from_colour);
    fal_check_close("grey as colour", from_colour, from_grey, SIDE * SIDE, 3e-7, 0);
    read_crop(grey, 3, 96, FAL_GREY_GIVEN, given);
    double v = grey[4 * 96 + 4] / 255.0;
    fal_check_close("weighted", from_grey, &(float){(float)((0.9999 * v - 0.421) / 0.165)}, 1, 1e-6, 0);
    fal_check_close("given", given, &(float){(float)((v - 0.421) / 0.165)}, 1, 1e-6, 0);
}

static void test_colour_weights(void **state)
{
    (void)state;
    static uint8_t colour[96 * 96 * 3];
    static float got[SIDE * SIDE];
    for (int i = 0; i < 96 * 96 * 3; i++)
        colour[i] = (uint8_t)(i % 3 == 0 ? 200 : i % 3 == 1 ? 100 : 50);
    read_crop(colour, 4, 96, FAL_GREY_WEIGHTED, got);
    float want = (float)(((0.2989 * 200 + 0.587 * 100 + 0.114 * 50) / 255 - 0.421) / 0.165);
    fal_check_close("colour", &got[SIDE * SIDE - 1], &want, 1, 1e-6, 0);
}

/* An odd margin: half of it rounds to even in torchvision, down in AV-HuBERT's transform. */
static void test_odd_margins(void **state)
{
    (void)state;
    static const struct {
        int64_t side, weighted, given;
    } cases[] = {{95, 4, 3}, {93, 2, 2}, {89, 0, 0}, {91, 2, 1}, {88, 0, 0}};
    static uint8_t rows[96 * 96];
    for (size_t c = 0; c < FAL_COUNT(cases); c++) {
        fal_mouth_frames weighted, given;
        fal_error err = {0};
        fal_tensor video = fal_tensor_make(FAL_U8, rows, 3, (int64_t[]){1, cases[c].side, cases[c].side});
        fal_check_ok(fal_mouth_open(&video, FAL_GREY_WEIGHTED, &weighted, &err), &err);
        fal_check_ok(fal_mouth_open(&video, FAL_GREY_GIVEN, &given, &err), &err);
        assert_int_equal(weighted.top, cases[c].weighted);
        assert_int_equal(given.left, cases[c].given);
    }
}

/* ---- audio-visual models ---- */

/* Hidden states of the joint stream are those of the half that reads lips. Halves of different width have no stream of
 * their own. */
static void test_joint_stream(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_encoding out;
    fal_session *session = NULL;
    fal_encoder *enc = open_encoder(fal_data_path(BOTH));
    fal_npy mouth = fal_golden_npy_raw(fal_data_path("auto_avsr/avsr_v1_syn/r0_mouth_u8.npy"));
    fal_npy wave = fal_golden_npy(fal_data_path("auto_avsr/avsr_v1_syn/r0_wave.npy"));
    fal_npy want = fal_golden_npy(fal_data_path("auto_avsr/avsr_v1_syn/r0_video_layer00.npy"));
    fal_array video = {FAL_ELEMENT_U8, 3, {4, 96, 96}, mouth.data};
    fal_array audio = {FAL_ELEMENT_F32, 1, {(int64_t)wave.count}, wave.data};
    fal_encode_request request = {
        .video = &video, .audio = &audio, .layers = (int[]){1}, .layer_count = 1, .skip_features = true};
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    fal_check_ok(fal_encode(enc, session, &request, &out, &err), &err);
    assert_null(out.features);
    assert_int_equal(out.hidden_count, 1);
    assert_int_equal(out.hidden[0].rows * out.hidden[0].dim, want.count);
    fal_check_close("joint hidden_1", out.hidden[0].data, fal_npy_f32(&want), want.count, 1e-5, 1e-5);
    request.stream = FAL_STREAM_VIDEO;
    fal_check_fails(fal_encode(enc, session, &request, &out, &err), FAL_ERR_ARGUMENT, "no stream video", &err);
    fal_session_free(&session);
    fal_encoder_free(&enc);
    fal_npy_free(&mouth);
    fal_npy_free(&wave);
    fal_npy_free(&want);
}

/* ---- files ---- */

/* `from` at the start of a part of the name, replaced. */
static void rename_part(char out[160], const char *name, const char *from, const char *to)
{
    const char *at = strstr(name, from);
    if (at && (at == name || at[-1] == '.'))
        snprintf(out, 160, "%.*s%s%s", (int)(at - name), name, to, at + strlen(from));
    else
        snprintf(out, 160, "%s", name);
}

/* The file at `source` with the names ESPnet once used. */
static const char *old_names(const char *source)
{
    enum { MAX_TENSORS = 512 };
    static char names[MAX_TENSORS][160];
    fal_named_tensor tensors[MAX_TENSORS];
    fal_error err = {0};
    fal_checkpoint *ckpt = NULL;
    const char *path = fal_temp_path("old.safetensors");
    fal_check_ok(fal_checkpoint_open(source, NULL, &ckpt, &err), &err);
    size_t count = fal_checkpoint_count(ckpt);
    assert_true(count <= MAX_TENSORS);
    for (size_t i = 0; i < count; i++) {
        char name[160];
        rename_part(name, fal_checkpoint_at(ckpt, i)->name, "after_norm.", "norm.");
        rename_part(names[i], name, "embed.", "input_layer.");
        tensors[i] = (fal_named_tensor){names[i], fal_checkpoint_at(ckpt, i)->tensor};
    }
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_checkpoint_free(&ckpt);
    return path;
}

static void test_old_names(void **state)
{
    (void)state;
    static const char *const files[] = {LISTENER, "braven/video_pre_syn/braven_syn_video.pth", BOTH};
    float *wave = long_wave(3 * FAL_TRUNK_SAMPLES);
    uint8_t *mouth = fal_calloc(3 * 96 * 96, 1);
    assert_non_null(mouth);
    fal_array audio = {FAL_ELEMENT_F32, 1, {3 * FAL_TRUNK_SAMPLES}, wave},
              video = {FAL_ELEMENT_U8, 3, {3, 96, 96}, mouth};
    fal_encode_request request = {.audio = &audio, .video = &video};
    for (size_t i = 0; i < FAL_COUNT(files); i++) {
        fal_encoder *now = open_encoder(fal_data_path("%s", files[i]));
        fal_encoder *then = open_encoder(old_names(fal_data_path("%s", files[i])));
        size_t a_count, b_count;
        float *a = encode(now, &request, false, &a_count), *b = encode(then, &request, false, &b_count);
        assert_int_equal(a_count, b_count);
        assert_memory_equal(a, b, a_count * sizeof *a);
        fal_free(a);
        fal_free(b);
        fal_encoder_free(&now);
        fal_encoder_free(&then);
    }
    fal_free(wave);
    fal_free(mouth);
}

static void test_wrong_input(void **state)
{
    (void)state;
    static float samples[96 * 96];
    fal_error err = {0};
    fal_encoding out = {0};
    fal_session *session = NULL;
    fal_encoder *ear = open_encoder(fal_data_path(LISTENER)), *eye = open_encoder(fal_data_path(READER));
    fal_array given = {FAL_ELEMENT_F32, 1, {FAL_TRUNK_SAMPLES - 1}, samples};
    fal_encode_request request = {.audio = &given, .video = &given};
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    fal_check_fails(fal_encode(ear, session, &request, &out, &err), FAL_ERR_TOO_SHORT, "639", &err);
    given = (fal_array){FAL_ELEMENT_F32, 3, {1, 96, 96}, samples};
    fal_check_fails(fal_encode(eye, session, &request, &out, &err), FAL_ERR_ARGUMENT, "F32[1,96,96]", &err);
    given = (fal_array){FAL_ELEMENT_U8, 3, {1, 80, 80}, samples};
    fal_check_fails(fal_encode(eye, session, &request, &out, &err), FAL_ERR_ARGUMENT, "U8[1,80,80]", &err);
    fal_encoder_free(&eye);
    fal_encoder_options options = {.heads = 5};
    fal_check_fails(fal_encoder_open(fal_data_path(READER), &options, &eye, &err), FAL_ERR_ARGUMENT,
                    "2 attention heads", &err);
    assert_null(eye);
    fal_session_free(&session);
    fal_encoder_free(&ear);
}

/* ---- initialisation ---- */

static const fal_tensor *drawn(const fal_bind *bind, const char *name)
{
    const fal_tensor *t = fal_bind_peek(bind, name);
    if (!t)
        fail_msg("%s was not drawn", name);
    return t;
}

static void draw_tiny(const char *name, fal_loaded *out)
{
    fal_error err = {0};
    const fal_family *family = fal_family_find(name);
    assert_non_null(family);
    void *config = fal_calloc(1, family->config_size);
    assert_non_null(config);
    family->tiny(config);
    fal_check_ok(fal_loaded_draw(family, config, "tiny", 3, 1, out, &err), &err);
    fal_free(config);
}

/* Upstream makes the macaron half by copying the layer's other half. */
static void test_macaron_begins_as_copy(void **state)
{
    (void)state;
    fal_loaded loaded = {0};
    draw_tiny("auto-avsr", &loaded);
    const fal_tensor *a = drawn(loaded.bind, "aux_encoder.encoders.2.feed_forward.w_1.weight");
    const fal_tensor *b = drawn(loaded.bind, "aux_encoder.encoders.2.feed_forward_macaron.w_1.weight");
    const fal_tensor *other = drawn(loaded.bind, "aux_encoder.encoders.1.feed_forward.w_1.weight");
    size_t bytes = (size_t)fal_tensor_count(a) * sizeof(float);
    assert_memory_equal(a->data, b->data, bytes);
    assert_memory_not_equal(a->data, other->data, bytes);
    fal_loaded_free(&loaded);
}

static void test_layer_scale_begins_small(void **state)
{
    (void)state;
    fal_loaded loaded = {0};
    draw_tiny("braven", &loaded);
    const fal_tensor *scale = drawn(loaded.bind, "encoders.1.gamma_ff");
    for (int64_t c = 0; c < fal_tensor_count(scale); c++)
        assert_true(((const float *)scale->data)[c] == 0.1f);
    fal_loaded_free(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_leave_no_trace),
        cmocka_unit_test(test_grey_of_grey),
        cmocka_unit_test(test_colour_weights),
        cmocka_unit_test(test_odd_margins),
        cmocka_unit_test(test_joint_stream),
        cmocka_unit_test(test_old_names),
        cmocka_unit_test(test_wrong_input),
        cmocka_unit_test(test_macaron_begins_as_copy),
        cmocka_unit_test(test_layer_scale_begins_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
