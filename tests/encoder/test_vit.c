/* What the vision transformers do beyond one golden pass: every feature by name, every layout of the input, batches and
 * windows of long clips, fixed tables. */
#include "core/alloc.h"
#include "encoder/loaded.h"
#include "encoder/vit.h"
#include "support/golden.h"

#include <stdio.h>
#include <string.h>

typedef struct encoded {
    float *rows; /* [count, dim], freed with fal_free */
    int64_t count, dim;
    double rate_hz;
} encoded;

static fal_encoder *open_encoder(const char *path, int heads, const char *feature)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    fal_encoder_options options = {.heads = heads, .feature = feature, .threads = 1};
    fal_check_ok(fal_encoder_open(path, &options, &enc, &err), &err);
    return enc;
}

static encoded copy_of(const float *data, int64_t count, int64_t dim, double rate_hz)
{
    encoded out = {.count = count, .dim = dim, .rate_hz = rate_hz};
    out.rows = fal_malloc_array((size_t)(count * dim), sizeof *out.rows);
    assert_non_null(out.rows);
    memcpy(out.rows, data, (size_t)(count * dim) * sizeof *out.rows);
    return out;
}

/* Features, or with layer >= 0 that hidden state pooled. */
static encoded encode(const fal_encoder *enc, const fal_array *video, int layer)
{
    fal_error err = {0};
    fal_session *session = NULL;
    fal_encoding got;
    fal_encode_request request = {.video = video,
                                  .layers = &layer,
                                  .layer_count = layer >= 0,
                                  .skip_features = layer >= 0,
                                  .pool_hidden = layer >= 0};
    fal_check_ok(fal_session_create(&(fal_session_options){.threads = 1}, &session, &err), &err);
    fal_check_ok(fal_encode(enc, session, &request, &got, &err), &err);
    encoded out = layer < 0 ? copy_of(got.features, got.rows, got.dim, got.rate_hz)
                            : copy_of(got.hidden[0].data, got.hidden[0].rows, got.hidden[0].dim, got.rate_hz);
    fal_session_free(&session);
    return out;
}

static void check_same(const char *what, const encoded *got, const float *want, int64_t count, double atol)
{
    assert_int_equal(got->count, count);
    fal_check_close(what, got->rows, want, (size_t)(count * got->dim), atol, 0);
}

static fal_array array_of(const fal_npy *npy)
{
    fal_array out = {
        .type = npy->type == FAL_NPY_U8 ? FAL_ELEMENT_U8 : FAL_ELEMENT_F32, .rank = npy->rank, .data = npy->data};
    for (int axis = 0; axis < npy->rank; axis++)
        out.shape[axis] = (int64_t)npy->shape[axis];
    return out;
}

/* ---- features by name ---- */

/* A golden array that holds a feature, or tokens of which the first of each picture is the class token. */
typedef struct feature_case {
    const char *folder, *file;
    int heads;
    const char *feature, *golden;
    double atol, rate_hz;
    bool skip_class;
} feature_case;

static const feature_case feature_cases[] = {
    {"clip/openclip_gelu_syn", "open_clip_pytorch_model.bin", 0, "projected", "image_features", 4.2e-5, 25, false},
    {"clip/openclip_gelu_syn", "open_clip_pytorch_model.bin", 0, "pooled", "ln_post", 3.7e-5, 25, false},
    {"clip/openclip_gelu_syn", "open_clip_pytorch_model.bin", 0, "tokens", "block_1", 2.1e-4, 225, true},
    {"clip/hf_safetensors_syn", "", 0, "pooled", "ln_post", 1.9e-5, 25, false},
    {"fsfm/pretrain_online_syn", "checkpoint-400.pth", 3, "pooled", "global_pool_features", 1e-5, 25, false},
    {"fsfm/pretrain_online_syn", "checkpoint-400.pth", 3, "mean", "patch_mean", 2.5e-5, 25, false},
    {"fsfm/pretrain_online_syn", "checkpoint-400.pth", 3, "cls", "cls_norm", 1.4e-5, 25, false},
    {"fsfm/pretrain_online_syn", "checkpoint-400.pth", 3, "norm-mean", "patch_mean_of_norm", 9.8e-6, 25, false},
    {"fsfm/pretrain_online_syn", "checkpoint-400.pth", 3, "tokens", "tokens_norm", 4e-5, 225, true},
    {"fsfm/finetune_cls_token_syn", "checkpoint-min_val_loss.pth", 2, "mean", "patch_mean", 4e-5, 25, false},
    {"fsfm/finetune_global_pool_syn", "checkpoint-min_val_loss.pth", 5, "tokens", "block_1", 1.1e-4, 225, true},
    {"videomae/official_pretrain_syn", "checkpoint.pth", 5, "steps", "time_step_mean", 1e-5, 12.5, false},
    {"videomae/official_pretrain_syn", "checkpoint.pth", 5, "clip", "clip_mean", 5.1e-6, 1.5625, false},
    {"videomae/official_pretrain_syn", "checkpoint.pth", 5, "tokens", "tokens_norm", 2.8e-5, 2450, false},
    {"videomae/official_finetune_syn", "mp_rank_00_model_states.pt", 4, "clip", "features", 1.1e-5, 1.5625, false},
    {"videomae/official_finetune_syn", "mp_rank_00_model_states.pt", 4, "tokens", "token_grid", 9.7e-5, 2450, false},
    {"videomae/hf_pretrain_syn", "", 0, "clip", "clip_mean", 7.5e-6, 1.5625, false},
    {"videomae/hf_pretrain_syn", "", 0, "tokens", "last_hidden_state", 3e-5, 50, false},
};

/* [pictures, tokens, D] without the first token of each picture, in place; the number of rows left. */
static int64_t without_class_tokens(float *x, const size_t *shape)
{
    size_t tokens = shape[1], width = shape[2];
    for (size_t i = 0; i < shape[0]; i++)
        memmove(x + i * (tokens - 1) * width, x + (i * tokens + 1) * width, (tokens - 1) * width * sizeof *x);
    return (int64_t)(shape[0] * (tokens - 1));
}

static void check_feature(const feature_case *c)
{
    char title[256];
    fal_npy pixels = fal_golden_npy_raw(fal_data_path("%s/pixel_values.npy", c->folder));
    fal_npy want = fal_golden_npy(fal_data_path("%s/%s.npy", c->folder, c->golden));
    fal_encoder *enc = open_encoder(fal_data_path("%s/%s", c->folder, c->file), c->heads, c->feature);
    const fal_encoder_description *d = fal_encoder_describe(enc);
    fal_array video = array_of(&pixels);
    encoded got = encode(enc, &video, -1);
    assert_string_equal(d->feature, c->feature);
    assert_int_equal(got.dim, d->dim);
    assert_true(got.rate_hz == c->rate_hz);
    int64_t rows = (int64_t)want.count / got.dim;
    if (c->skip_class)
        rows = without_class_tokens((float *)want.data, want.shape);
    snprintf(title, sizeof title, "%s %s", c->folder, c->feature);
    check_same(title, &got, want.data, rows, c->atol);
    fal_free(got.rows);
    fal_encoder_free(&enc);
    fal_npy_free(&want);
    fal_npy_free(&pixels);
}

static void test_features(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAL_COUNT(feature_cases); i++)
        check_feature(&feature_cases[i]);
}

/* A file fine-tuned on the class token has that as its default, and any other by name. */
static void test_default_features(void **state)
{
    (void)state;
    const char *file = "checkpoint-min_val_loss.pth";
    fal_encoder *on_class = open_encoder(fal_data_path("fsfm/finetune_cls_token_syn/%s", file), 2, NULL);
    fal_encoder *on_mean = open_encoder(fal_data_path("fsfm/finetune_global_pool_syn/%s", file), 5, NULL);
    assert_string_equal(fal_encoder_describe(on_class)->feature, "cls");
    assert_string_equal(fal_encoder_describe(on_mean)->feature, "pooled");
    fal_encoder_free(&on_class);
    fal_encoder_free(&on_mean);
    fal_error err = {0};
    fal_encoder_options no_norm = {.heads = 5, .feature = "cls"}, no_such = {.heads = 5, .feature = "steps"};
    const char *path = fal_data_path("fsfm/finetune_global_pool_syn/%s", file);
    fal_check_fails(fal_encoder_open(path, &no_norm, &on_mean, &err), FAL_ERR_ARGUMENT, "norm.weight", &err);
    fal_check_fails(fal_encoder_open(path, &no_such, &on_mean, &err), FAL_ERR_ARGUMENT, "norm-mean", &err);
}

/* ---- layouts ---- */

/* Bytes are normalised as the original does: the same features as its pixel_values. */
static void test_bytes(void **state)
{
    (void)state;
    static const char folder[] = "videomae/official_pretrain_syn";
    fal_npy bytes = fal_golden_npy_raw(fal_data_path("%s/frames_u8.npy", folder));
    fal_npy want = fal_golden_npy(fal_data_path("%s/time_step_mean.npy", folder));
    fal_encoder *enc = open_encoder(fal_data_path("%s/checkpoint.pth", folder), 5, NULL);
    fal_array video = array_of(&bytes);
    encoded got = encode(enc, &video, -1);
    check_same("features of frames_u8", &got, want.data, 8, 1e-5);
    fal_free(got.rows);
    fal_encoder_free(&enc);
    fal_npy_free(&bytes);
    fal_npy_free(&want);
}

/* out[c][t][..] = in[t][c][..] */
static void swap_axes(const float *in, int64_t frames, int64_t plane, float *out)
{
    for (int64_t t = 0; t < frames; t++)
        for (int64_t c = 0; c < 3; c++)
            memcpy(out + (c * frames + t) * plane, in + (t * 3 + c) * plane, (size_t)plane * sizeof *out);
}

/* Hugging Face's clip [1,T,3,H,W] in its order and in the official one; three frames mean what the file's own layout
 * says. */
static void test_clip_orders(void **state)
{
    (void)state;
    fal_npy pixels = fal_golden_npy_raw(fal_data_path("videomae/hf_pretrain_syn/pixel_values.npy"));
    float *other = fal_malloc_array(pixels.count, sizeof *other);
    fal_encoder *enc = open_encoder(fal_data_path("videomae/hf_pretrain_syn"), 0, NULL);
    assert_non_null(other);
    for (int64_t frames = 3; frames <= 16; frames += 13) {
        swap_axes(pixels.data, frames, 16 * 16, other);
        fal_array time_first = {FAL_ELEMENT_F32, 5, {1, frames, 3, 16, 16}, pixels.data};
        fal_array channels_first = {FAL_ELEMENT_F32, 5, {1, 3, frames, 16, 16}, other};
        encoded a = encode(enc, &time_first, -1), b = encode(enc, &channels_first, -1);
        assert_int_equal(a.count, b.count);
        bool same = memcmp(a.rows, b.rows, (size_t)(a.count * a.dim) * sizeof(float)) == 0;
        assert_int_equal(same, frames != 3);
        fal_free(a.rows);
        fal_free(b.rows);
    }
    fal_free(other);
    fal_encoder_free(&enc);
    fal_npy_free(&pixels);
}

static void test_wrong_pictures(void **state)
{
    (void)state;
    static const float zeros[3 * 64 * 64];
    static const fal_array bad[] = {
        {FAL_ELEMENT_F32, 4, {1, 3, 28, 27}, zeros}, {FAL_ELEMENT_F32, 4, {3, 2, 28, 28}, zeros},
        {FAL_ELEMENT_U8, 4, {1, 3, 28, 28}, zeros},  {FAL_ELEMENT_U8, 4, {1, 35, 35, 3}, zeros},
        {FAL_ELEMENT_F32, 3, {3, 28, 28}, zeros},    {FAL_ELEMENT_F32, 5, {2, 1, 3, 28, 28}, zeros}};
    fal_encoder *enc = open_encoder(fal_data_path("clip/hf_safetensors_syn"), 0, NULL);
    fal_session *session = NULL;
    fal_error err = {0};
    fal_encoding got;
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    for (size_t i = 0; i < FAL_COUNT(bad); i++) {
        fal_encode_request request = {.video = &bad[i]};
        fal_check_fails(fal_encode(enc, session, &request, &got, &err), FAL_ERR_ARGUMENT, "28", &err);
    }
    fal_session_free(&session);
    fal_encoder_free(&enc);
}

/* ---- long clips ---- */

enum { LONG = 37 };

/* Noise pictures for an encoder: [count, side, side, 3] bytes. */
static uint8_t *noise(int64_t side)
{
    uint32_t state = 7;
    size_t count = (size_t)(LONG * side * side * 3);
    uint8_t *out = fal_malloc(count);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    return out;
}

/* A clip whole, and in the pieces the description allows: the same rows. So with hidden states at the features' rate.
 */
static void check_pieces(const char *path, int heads, const char *feature, int64_t rows)
{
    fal_encoder *enc = open_encoder(path, heads, feature);
    const fal_encoder_description *d = fal_encoder_describe(enc);
    int64_t side = d->picture.side, step = d->chunk_frames * (d->chunk_frames == 1 ? 5 : 1);
    uint8_t *pictures = noise(side);
    fal_array whole = {FAL_ELEMENT_U8, 4, {LONG, side, side, 3}, pictures};
    for (int layer = -1; layer <= (int)d->layers; layer++) {
        encoded all = encode(enc, &whole, layer);
        int64_t at = 0;
        assert_int_equal(all.count, rows);
        for (int64_t first = 0; first < LONG; first += step) {
            int64_t count = first + step < LONG ? step : LONG - first;
            fal_array piece = {FAL_ELEMENT_U8, 4, {count, side, side, 3}, pictures + first * side * side * 3};
            encoded part = encode(enc, &piece, layer);
            char title[128];
            snprintf(title, sizeof title, "%s %s layer %d, frame %d", d->family, d->feature, layer, (int)first);
            assert_true(at + part.count <= all.count);
            check_same(title, &part, all.rows + at * all.dim, part.count, 1e-5);
            at += part.count;
            fal_free(part.rows);
        }
        assert_int_equal(at, all.count);
        fal_free(all.rows);
    }
    fal_free(pictures);
    fal_encoder_free(&enc);
}

static void test_pieces(void **state)
{
    (void)state;
    check_pieces(fal_data_path("clip/hf_safetensors_syn"), 0, "projected", LONG);
    check_pieces(fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth"), 3, "pooled", LONG);
    check_pieces(fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth"), 3, "cls", LONG);
    check_pieces(fal_data_path("videomae/hf_pretrain_syn"), 0, "steps", (LONG + 1) / 2);
    check_pieces(fal_data_path("videomae/hf_pretrain_syn"), 0, "clip", 3);
    check_pieces(fal_data_path("videomae/hf_pretrain_syn"), 0, "tokens", (LONG + 1) / 2 * 4);
}

/* A window that the clip does not fill is completed by its last picture. */
static void test_last_window(void **state)
{
    (void)state;
    fal_encoder *enc = open_encoder(fal_data_path("videomae/hf_pretrain_syn"), 0, NULL);
    int64_t side = fal_encoder_describe(enc)->picture.side, bytes = side * side * 3;
    uint8_t *pictures = noise(side);
    for (int64_t f = 5; f < 16; f++)
        memcpy(pictures + f * bytes, pictures + 4 * bytes, (size_t)bytes);
    fal_array five = {FAL_ELEMENT_U8, 4, {5, side, side, 3}, pictures}, full = five;
    full.shape[0] = 16;
    encoded a = encode(enc, &five, -1), b = encode(enc, &full, -1);
    assert_int_equal(a.count, 3);
    assert_int_equal(b.count, 8);
    check_same("first steps of the completed window", &a, b.rows, 3, 0);
    fal_free(a.rows);
    fal_free(b.rows);
    fal_free(pictures);
    fal_encoder_free(&enc);
}

/* Pooled hidden states are what they say of the ones that are not pooled. */
static void test_pooled_hidden(void **state)
{
    (void)state;
    fal_encoder *enc = open_encoder(fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth"), 3, "mean");
    fal_npy pixels = fal_golden_npy_raw(fal_data_path("fsfm/pretrain_online_syn/pixel_values.npy"));
    fal_array video = array_of(&pixels);
    encoded last = encode(enc, &video, 2), features = encode(enc, &video, -1);
    check_same("mean of the patches", &last, features.rows, 2, 0);
    fal_free(last.rows);
    fal_free(features.rows);
    fal_encoder_free(&enc);
    fal_npy_free(&pixels);
}

/* ---- tables ---- */

static void test_clip_table(void **state)
{
    (void)state;
    static const int widths[] = {384, 768, 1024, 1280};
    enum { TOKENS = 1568 };
    for (size_t i = 0; i < FAL_COUNT(widths); i++) {
        int width = widths[i];
        float *table = fal_malloc_array(TOKENS * (size_t)width, sizeof *table);
        assert_non_null(table);
        fal_vit_clip_table(TOKENS, width, table);
        fal_npy rows = fal_golden_npy_f64(fal_data_path("videomae/sincos_table/rows_%d_%d.npy", TOKENS, width));
        fal_npy want = fal_golden_npy(fal_data_path("videomae/sincos_table/table_%d_%d.npy", TOKENS, width));
        for (size_t r = 0; r < rows.count; r++)
            fal_check_close("position", table + (int64_t)((const double *)rows.data)[r] * width,
                            (const float *)want.data + r * (size_t)width, (size_t)width, 1.2e-7, 0);
        fal_npy_free(&rows);
        fal_npy_free(&want);
        fal_free(table);
    }
}

/* FSFM's positions are drawn by rule: those of a checkpoint upstream initialised, which training left alone. */
static void test_drawn_positions(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_loaded file = {0}, drawn = {0};
    static const fal_encoder_options options = {.heads = 3};
    const char *path = fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth");
    fal_check_ok(fal_loaded_open(path, &options, &file, &err), &err);
    fal_check_ok(fal_loaded_draw(file.family, file.config, "tiny", 1, 1, &drawn, &err), &err);
    const fal_tensor *want = fal_bind_peek(file.bind, "pos_embed"), *got = fal_bind_peek(drawn.bind, "pos_embed");
    assert_non_null(want);
    assert_non_null(got);
    assert_true(fal_tensor_has_shape(got, want->rank, want->shape));
    fal_check_close("pos_embed", got->data, want->data, (size_t)fal_tensor_count(want), 1.2e-7, 0);
    fal_loaded_free(&file);
    fal_loaded_free(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),       cmocka_unit_test(test_default_features),
        cmocka_unit_test(test_bytes),          cmocka_unit_test(test_clip_orders),
        cmocka_unit_test(test_wrong_pictures), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_last_window),    cmocka_unit_test(test_pooled_hidden),
        cmocka_unit_test(test_clip_table),     cmocka_unit_test(test_drawn_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
