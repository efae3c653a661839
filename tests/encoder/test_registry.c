/* What holds for every family: a suite over the rows of the registry. A new row is checked without a line here; it
 * brings a tiny configuration, from which random models are written, opened and run. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "encoder/loaded.h"
#include "support/alloc_fail.h"
#include "weights/safetensors_write.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* bfloat16 keeps 8 bits of mantissa; three tiny layers of random weights stay well above this. */
#define BF16_MIN_COSINE 0.99

enum { FRAMES = 23, SAMPLES = 23456, MOUTH_SIDE = 96, FBANK = 104 };

/* ---- inputs: the same for every call ---- */

typedef struct inputs {
    float wave[SAMPLES], fbank[FRAMES * FBANK];
    uint8_t mouth[FRAMES * MOUTH_SIDE * MOUTH_SIDE];
    fal_array audio, video;
    fal_encode_request request;
} inputs;

static float noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (1 << 23) - 1;
}

/* Arrays as the encoder wants them over the first samples and frames. */
static void shape_inputs(inputs *in, const fal_encoder_description *d, int64_t samples, int64_t frames)
{
    int64_t side = d->picture.side ? d->picture.side : MOUTH_SIDE;
    assert_true(frames * side * side * 3 <= (int64_t)sizeof in->mouth || !d->picture.side);
    in->audio = d->audio_input == FAL_INPUT_WAVE ? (fal_array){FAL_ELEMENT_F32, 1, {samples}, in->wave}
                                                 : (fal_array){FAL_ELEMENT_F32, 2, {frames, FBANK}, in->fbank};
    in->video = (fal_array){FAL_ELEMENT_U8, d->picture.side ? 4 : 3, {frames, side, side, 3}, in->mouth};
}

static inputs *make_inputs(const fal_encoder_description *d, fal_stream stream)
{
    uint32_t state = 12345;
    inputs *in = fal_calloc(1, sizeof *in);
    assert_non_null(in);
    for (int i = 0; i < SAMPLES; i++)
        in->wave[i] = 0.1f * noise(&state);
    for (int i = 0; i < FRAMES * FBANK; i++)
        in->fbank[i] = noise(&state);
    for (int i = 0; i < FRAMES * MOUTH_SIDE * MOUTH_SIDE; i++)
        in->mouth[i] = (uint8_t)(127 * (1 + noise(&state)));
    shape_inputs(in, d, SAMPLES, FRAMES);
    in->request = (fal_encode_request){.stream = stream, .audio = &in->audio, .video = &in->video};
    return in;
}

/* ---- models ---- */

/* A tiny random model of the family as a file. */
static const char *tiny_file(const fal_family *family, fal_dtype store)
{
    fal_error err = {0};
    fal_loaded loaded = {0};
    const char *path = fal_temp_path("%s-tiny-%s.safetensors", family->name, fal_dtype_name(store));
    void *config = fal_calloc(1, family->config_size);
    assert_non_null(config);
    family->tiny(config);
    fal_check_ok(fal_loaded_draw(family, config, "tiny", 7, 2, &loaded, &err), &err);
    fal_check_ok(fal_loaded_write(&loaded, "random", store, path, &err), &err);
    fal_loaded_free(&loaded);
    fal_free(config);
    return path;
}

static fal_encoder *open_encoder(const char *path, const fal_encoder_options *options)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    fal_check_ok(fal_encoder_open(path, options, &enc, &err), &err);
    return enc;
}

static fal_session *open_session(const fal_session_options *options)
{
    fal_error err = {0};
    fal_session *session = NULL;
    fal_check_ok(fal_session_create(options, &session, &err), &err);
    return session;
}

/* Features of one stream, [rows * dim], freed with fal_free. */
static float *features_of(const fal_encoder *enc, fal_stream stream, size_t *count)
{
    fal_error err = {0};
    fal_encoding out;
    fal_session *session = open_session(NULL);
    inputs *in = make_inputs(fal_encoder_describe(enc), stream);
    fal_check_ok(fal_encode(enc, session, &in->request, &out, &err), &err);
    assert_int_equal(out.dim, fal_encoder_describe(enc)->dim);
    *count = (size_t)(out.rows * out.dim);
    float *copy = fal_malloc_array(*count, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, out.features, *count * sizeof *copy);
    fal_free(in);
    fal_session_free(&session);
    return copy;
}

/* Calls check for every stream of every family's tiny model. */
typedef void stream_check(const fal_family *family, const char *path, fal_stream stream);
static void each_stream(stream_check *check)
{
    for (size_t f = 0; f < fal_family_count(); f++) {
        const fal_family *family = fal_family_at(f);
        const char *path = tiny_file(family, FAL_F32);
        fal_encoder *enc = open_encoder(path, NULL);
        int streams = fal_encoder_describe(enc)->streams;
        fal_encoder_free(&enc);
        assert_true(streams != 0);
        for (int s = FAL_STREAM_AUDIO; s <= FAL_STREAM_AV; s++)
            if (streams & 1 << s) {
                print_message("%s:%s\n", family->name, fal_stream_name((fal_stream)s));
                check(family, path, (fal_stream)s);
            }
    }
}

/* ---- the catalogue ---- */

static void test_catalogue(void **state)
{
    (void)state;
    assert_true(fal_model_count() > 0);
    assert_null(fal_model_at(fal_model_count()));
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *model = fal_model_at(i);
        const fal_family *family;
        const fal_config_entry *entry = fal_catalogue_find(model->name, &family);
        assert_ptr_equal(&entry->model, model); /* also: no two of one name */
        assert_string_equal(model->family, family->name);
        assert_true(model->licence && model->source && model->size && model->streams);
        fal_encoder_description d = {.rate_hz = family->rate_hz};
        family->describe(entry->config, &d);
        assert_true(model->rate_hz == d.rate_hz);
        if (d.dim != model->dim)
            fail_msg("%s: configuration makes %d channels, catalogue says %d", model->name, (int)d.dim,
                     (int)model->dim);
        assert_int_equal(d.width % d.heads, 0);
    }
}

static void test_families(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++) {
        const fal_family *family = fal_family_at(f);
        assert_ptr_equal(fal_family_find(family->name), family);
        assert_true(family->streams & 1 << family->default_stream);
        assert_true(family->audio_input != FAL_INPUT_NONE || family->video_input != FAL_INPUT_NONE);
        assert_non_null(family->ignored);
    }
    assert_null(fal_family_at(fal_family_count()));
    assert_null(fal_family_find("no such family"));
}

/* ---- running ---- */

static void check_deterministic(const fal_family *family, const char *path, fal_stream stream)
{
    size_t count_a, count_b;
    fal_encoder *enc = open_encoder(path, NULL), *again = open_encoder(path, NULL);
    const fal_encoder_description *d = fal_encoder_describe(enc);
    assert_string_equal(d->family, family->name);
    assert_string_equal(d->origin, path);
    assert_string_equal(d->size, "custom");
    assert_false(d->random_weights);
    assert_true(d->parameters > 0);
    float *a = features_of(enc, stream, &count_a), *b = features_of(again, stream, &count_b);
    assert_int_equal(count_a, count_b);
    assert_memory_equal(a, b, count_a * sizeof *a);
    for (size_t i = 0; i < count_a; i++)
        assert_true(isfinite(a[i]));
    fal_free(a);
    fal_free(b);
    fal_encoder_free(&enc);
    fal_encoder_free(&again);
}

static void test_deterministic(void **state)
{
    (void)state;
    each_stream(check_deterministic);
}

static void check_warm(const fal_family *family, const char *path, fal_stream stream)
{
    (void)family;
    fal_error err = {0};
    fal_encoding out;
    fal_encoder *enc = open_encoder(path, NULL);
    fal_session *session = open_session(NULL);
    inputs *in = make_inputs(fal_encoder_describe(enc), stream);
    in->request.all_layers = true;
    for (int pass = 0; pass < 2; pass++)
        fal_check_ok(fal_encode(enc, session, &in->request, &out, &err), &err);
    uint64_t before = fal_alloc_count();
    fal_check_ok(fal_encode(enc, session, &in->request, &out, &err), &err);
    assert_int_equal(fal_alloc_count() - before, 0);
    fal_free(in);
    fal_session_free(&session);
    fal_encoder_free(&enc);
}

static void test_warm_pass_allocates_nothing(void **state)
{
    (void)state;
    each_stream(check_warm);
}

/* Hidden states asked for one at a time are those of the full pass; only they come back. */
static void check_layers(const fal_family *family, const char *path, fal_stream stream)
{
    (void)family;
    fal_error err = {0};
    fal_encoding all, one;
    fal_encoder *enc = open_encoder(path, NULL);
    fal_session *whole = open_session(NULL), *part = open_session(NULL);
    inputs *in = make_inputs(fal_encoder_describe(enc), stream);
    int layers = (int)fal_encoder_describe(enc)->layers;
    in->request.all_layers = true;
    fal_check_ok(fal_encode(enc, whole, &in->request, &all, &err), &err);
    assert_int_equal(all.hidden_count, layers + 1);
    for (int k = 0; k <= layers; k++) {
        fal_encode_request request = in->request;
        request.all_layers = false;
        request.layers = &k;
        request.layer_count = 1;
        request.skip_features = true;
        fal_check_ok(fal_encode(enc, part, &request, &one, &err), &err);
        assert_null(one.features);
        assert_int_equal(one.hidden_count, 1);
        assert_int_equal(one.hidden[0].layer, k);
        assert_int_equal(one.hidden[0].rows, all.hidden[k].rows);
        assert_memory_equal(one.hidden[0].data, all.hidden[k].data,
                            (size_t)(one.hidden[0].rows * one.hidden[0].dim) * sizeof(float));
    }
    fal_free(in);
    fal_session_free(&whole);
    fal_session_free(&part);
    fal_encoder_free(&enc);
}

static void test_layers(void **state)
{
    (void)state;
    each_stream(check_layers);
}

/* A stop asked for from a stage ends the pass at the next layer: nothing above a chosen layer is computed either. */
static volatile sig_atomic_t stop;

typedef struct watch {
    bool stop_at_first; /* ask for an end at the first stage there is */
    int layers_run;
} watch;

static void on_stage(void *user, const char *stage, const fal_array *value)
{
    (void)value;
    watch *w = user;
    w->layers_run += fal_str_eq(stage, "layer0_attn");
    stop = w->stop_at_first;
}

static void check_cancel(const fal_family *family, const char *path, fal_stream stream)
{
    (void)family;
    fal_error err = {0};
    fal_encoding out = {0};
    watch seen = {.stop_at_first = true};
    fal_encoder *enc = open_encoder(path, NULL);
    fal_session *session =
        open_session(&(fal_session_options){.cancel = &stop, .stage = on_stage, .stage_user = &seen});
    inputs *in = make_inputs(fal_encoder_describe(enc), stream);
    stop = 0;
    fal_check_fails(fal_encode(enc, session, &in->request, &out, &err), FAL_ERR_CANCELLED, "stopped", &err);
    assert_null(out.features);
    stop = seen.stop_at_first = false;
    seen.layers_run = 0;
    fal_encode_request input_only = in->request;
    input_only.layers = (int[]){0};
    input_only.layer_count = 1;
    input_only.skip_features = true;
    fal_check_ok(fal_encode(enc, session, &input_only, &out, &err), &err);
    assert_int_equal(seen.layers_run, 0);
    fal_free(in);
    fal_session_free(&session);
    fal_encoder_free(&enc);
}

static void test_cancel(void **state)
{
    (void)state;
    each_stream(check_cancel);
}

static void check_bf16(const fal_family *family, const char *path, fal_stream stream)
{
    (void)family;
    size_t count;
    fal_encoder *full = open_encoder(path, NULL);
    fal_encoder *half = open_encoder(path, &(fal_encoder_options){.numbers = FAL_NUMBERS_BF16});
    size_t dim = (size_t)fal_encoder_describe(full)->dim;
    float *want = features_of(full, stream, &count), *got = features_of(half, stream, &count);
    double worst = 1;
    for (size_t r = 0; r < count / dim; r++) {
        double dot = 0, a = 0, b = 0;
        for (size_t c = 0; c < dim; c++) {
            double x = want[r * dim + c], y = got[r * dim + c];
            dot += x * y;
            a += x * x;
            b += y * y;
        }
        worst = fmin(worst, dot / sqrt(a * b));
    }
    print_message("  %s: lowest cosine of %zu rows against float32 %.6f\n", fal_encoder_describe(half)->arithmetic,
                  count / dim, worst);
    if (!(worst > BF16_MIN_COSINE))
        fail_msg("lowest row cosine %.6f, want above %.2f", worst, BF16_MIN_COSINE);
    fal_free(want);
    fal_free(got);
    fal_encoder_free(&full);
    fal_encoder_free(&half);
}

static void test_bf16(void **state)
{
    (void)state;
    each_stream(check_bf16);
}

/* ---- files ---- */

static void check_same_features(const char *path_a, const char *path_b, fal_stream stream)
{
    size_t count_a, count_b;
    fal_encoder *a = open_encoder(path_a, NULL), *b = open_encoder(path_b, NULL);
    float *from_a = features_of(a, stream, &count_a), *from_b = features_of(b, stream, &count_b);
    assert_int_equal(count_a, count_b);
    assert_memory_equal(from_a, from_b, count_a * sizeof *from_a);
    fal_free(from_a);
    fal_free(from_b);
    fal_encoder_free(&a);
    fal_encoder_free(&b);
}

static void check_import(const fal_family *family, const char *path, fal_stream stream)
{
    fal_error err = {0};
    const char *half = tiny_file(family, FAL_BF16), *copy = fal_temp_path("import.safetensors");
    fal_check_ok(fal_model_import(path, copy, FAL_STORE_AS_IS, NULL, &err), &err);
    check_same_features(path, copy, stream);
    fal_check_ok(fal_model_import(half, copy, FAL_STORE_AS_IS, NULL, &err), &err);
    check_same_features(half, copy, stream);
}

static void test_import(void **state)
{
    (void)state;
    each_stream(check_import);
}

/* The configuration survives the file, and shapes the config text is made of too. */
static void test_configuration_round_trip(void **state)
{
    (void)state;
    static const fal_encoder_options defaults = {0};
    for (size_t f = 0; f < fal_family_count(); f++) {
        const fal_family *family = fal_family_at(f);
        fal_error err = {0};
        fal_loaded loaded = {0};
        fal_buf before = {0}, after = {0};
        void *config = fal_calloc(1, family->config_size);
        assert_non_null(config);
        family->tiny(config);
        fal_loaded_config_text(family, config, &before);
        fal_check_ok(fal_loaded_open(tiny_file(family, FAL_F16), &defaults, &loaded, &err), &err);
        fal_loaded_config_text(family, loaded.config, &after);
        assert_string_equal(after.data, before.data);
        fal_loaded_free(&loaded);
        fal_buf_free(&before);
        fal_buf_free(&after);
        fal_free(config);
    }
}

static void test_info(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++) {
        fal_error err = {0};
        char *text = NULL;
        fal_json *json = NULL;
        const char *path = tiny_file(fal_family_at(f), FAL_F16);
        fal_check_ok(fal_model_info_json(path, &text, &err), &err);
        fal_check_ok(fal_json_parse(text, strlen(text), "info", &json, &err), &err);
        assert_string_equal(fal_json_string(fal_json_get(json, "family"), ""), fal_family_at(f)->name);
        assert_string_equal(fal_json_string(fal_json_get(json, "container"), ""), "safetensors");
        assert_int_equal(fal_json_count(fal_json_get(json, "tensors")),
                         fal_json_int(fal_json_get(json, "used_tensors"), -1));
        const fal_json *f16 = fal_json_get(fal_json_get(json, "totals"), "F16");
        assert_int_equal(fal_json_int(fal_json_get(f16, "tensors"), -1), fal_json_count(fal_json_get(json, "tensors")));
        assert_string_equal(fal_json_string(fal_json_get(fal_json_get(json, "metadata"), "falsetto.source"), ""),
                            "random");
        fal_json_free(&json);
        fal_text_free(&text);
    }
}

/* ---- mistakes ---- */

static const char *strange_file(const char *tensor)
{
    fal_error err = {0};
    static const float value[4] = {1, 2, 3, 4};
    const char *path = fal_temp_path("strange.safetensors");
    fal_named_tensor t = {tensor, fal_tensor_f32(value, 1, (int64_t[]){4})};
    fal_check_ok(fal_safetensors_write(path, &t, 1, FAL_F32, NULL, 0, &err), &err);
    return path;
}

static void test_unknown_files(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_encoder *enc = NULL;
    char *text = NULL;
    const char *path = strange_file("text.class_embedding");
    fal_check_fails(fal_encoder_open(path, NULL, &enc, &err), FAL_ERR_UNSUPPORTED, "look like CLIP", &err);
    fal_check_ok(fal_model_info_json(path, &text, &err), &err);
    assert_non_null(strstr(text, "look like CLIP"));
    fal_text_free(&text);
    path = strange_file("something.else");
    fal_check_fails(fal_encoder_open(path, NULL, &enc, &err), FAL_ERR_UNSUPPORTED, "avhubert, wav2vec2", &err);
    fal_encoder_options options = {.family = "nonsense"};
    fal_check_fails(fal_encoder_open(path, &options, &enc, &err), FAL_ERR_UNSUPPORTED, "nonsense", &err);
    fal_check_fails(fal_encoder_open("no-such-model", NULL, &enc, &err), FAL_ERR_NOT_FOUND, "no-such-model", &err);
    fal_check_fails(fal_encoder_open("avhubert-large", NULL, &enc, &err), FAL_ERR_NOT_FOUND,
                    "models pull avhubert-large", &err);
    fal_check_fails(fal_model_init("no-such-model", 0, FAL_NUMBERS_F32, path, NULL, &err), FAL_ERR_NOT_FOUND,
                    "no-such-model", &err);
    assert_null(enc);
    fal_encoder_free(&enc);
    fal_encoder_free(NULL);
    fal_text_free(NULL);
}

/* A file without most of its tensors names them. */
static void test_missing_tensors(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_encoder *enc = NULL;
    const char *path = strange_file("feature_extractor_audio.proj.weight");
    assert_int_equal(fal_encoder_open(path, NULL, &enc, &err), FAL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "strange.safetensors"));
    assert_non_null(strstr(err.text, "feature_extractor_audio.proj.weight"));
}

/* The tensors of `ckpt` under its metadata as a file, tensor `emptied` with an axis of length 0. */
static const char *emptied_file(const fal_checkpoint *ckpt, size_t emptied, int axis)
{
    fal_error err = {0};
    fal_metadata metadata[8];
    size_t count = fal_checkpoint_count(ckpt), items = fal_checkpoint_metadata_count(ckpt);
    const char *path = fal_temp_path("emptied.safetensors");
    fal_named_tensor *tensors = fal_calloc(count, sizeof *tensors);
    assert_non_null(tensors);
    assert_true(items <= FAL_COUNT(metadata));
    for (size_t i = 0; i < items; i++)
        metadata[i].key = fal_checkpoint_metadata_at(ckpt, i, &metadata[i].value);
    for (size_t i = 0; i < count; i++)
        tensors[i] = *fal_checkpoint_at(ckpt, i);
    tensors[emptied].tensor.shape[axis] = 0;
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, metadata, items, &err), &err);
    fal_free(tensors);
    return path;
}

/* Sizes come from shapes: whichever tensor is empty, the file is refused. One axis of each, since layers repeat. */
static void test_empty_tensors(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++) {
        fal_checkpoint *ckpt = NULL;
        fal_error err = {0};
        fal_check_ok(fal_checkpoint_open(tiny_file(fal_family_at(f), FAL_F32), NULL, &ckpt, &err), &err);
        for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
            fal_encoder *enc = NULL;
            const fal_named_tensor *t = fal_checkpoint_at(ckpt, i);
            int axis = (int)(i % (size_t)t->tensor.rank);
            if (fal_encoder_open(emptied_file(ckpt, i, axis), NULL, &enc, &err) != FAL_ERR_FORMAT)
                fail_msg("%s with axis %d empty: \"%s\", expected a format error", t->name, axis,
                         enc ? "opened" : err.text);
        }
        fal_checkpoint_free(&ckpt);
    }
}

static void test_bad_requests(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++) {
        fal_error err = {0};
        fal_encoding out = {0};
        fal_encoder *enc = open_encoder(tiny_file(fal_family_at(f), FAL_F32), NULL);
        const fal_encoder_description *d = fal_encoder_describe(enc);
        fal_session *session = open_session(NULL);
        inputs *in = make_inputs(d, (fal_stream)0);
        fal_encode_request bad = in->request;
        bad.audio = bad.video = NULL;
        fal_check_fails(fal_encode(enc, session, &bad, &out, &err), FAL_ERR_ARGUMENT, "needs", &err);
        bad = in->request;
        bad.layers = (int[]){(int)d->layers + 1};
        bad.layer_count = 1;
        fal_check_fails(fal_encode(enc, session, &bad, &out, &err), FAL_ERR_ARGUMENT, "layer", &err);
        bad = in->request;
        bad.skip_features = true;
        fal_check_fails(fal_encode(enc, session, &bad, &out, &err), FAL_ERR_ARGUMENT, "neither", &err);
        bad = in->request;
        fal_array odd = {FAL_ELEMENT_F32, 2, {3, 5}, in->wave};
        bad.audio = bad.video = &odd;
        fal_check_fails(fal_encode(enc, session, &bad, &out, &err), FAL_ERR_ARGUMENT, "[3,5]", &err);
        assert_null(out.features);
        fal_free(in);
        fal_session_free(&session);
        fal_encoder_free(&enc);
    }
}

/* ---- memory ---- */

static fal_status open_and_encode(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_encoder *enc = NULL;
    fal_session *session = NULL;
    inputs *in = NULL;
    fal_encoding out;
    /* One thread: injected failures are counted on this one. */
    FAL_TRY(fal_encoder_open(user, &(fal_encoder_options){.threads = 1}, &enc, err));
    FAL_TRY(fal_session_create(&(fal_session_options){.threads = 1}, &session, err));
    FAL_ALLOC(in, fal_calloc(1, sizeof *in));
    shape_inputs(in, fal_encoder_describe(enc), 800, 2);
    in->request = (fal_encode_request){.audio = &in->audio, .video = &in->video, .all_layers = true};
    FAL_TRY(fal_encode(enc, session, &in->request, &out, err));
done:
    fal_free(in);
    fal_session_free(&session);
    fal_encoder_free(&enc);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++)
        fal_check_alloc_failures(fal_family_at(f)->name, open_and_encode, (void *)tiny_file(fal_family_at(f), FAL_F32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_warm_pass_allocates_nothing),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_configuration_round_trip),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_unknown_files),
        cmocka_unit_test(test_missing_tensors),
        cmocka_unit_test(test_empty_tensors),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
