#include "core/str.h"
#include "head/stack_places.h"

#include <math.h>
#include <stdio.h>

enum { MOST_LAYERS = 256, MOST_CHANNELS = 1 << 20, MOST_ROWS_OF_WEIGHT = 1 << 16 };

/* ---- the arrays of a layer ---- */

typedef enum extent { ONCE, WIDTH, QKV, FFN } extent;
typedef enum start { ZEROS, ONES, FAN_WIDTH, FAN_FFN, ATTENTION } start;

static const struct {
    const char *name;
    extent rows, cols; /* cols ONCE: a vector */
    start start;
} layer_arrays[FAL_STACK_ARRAYS] = {
    [FAL_STACK_QKV_WEIGHT] = {"self_attn.in_proj_weight", QKV, WIDTH, ATTENTION},
    [FAL_STACK_QKV_BIAS] = {"self_attn.in_proj_bias", QKV, ONCE, ZEROS},
    [FAL_STACK_OUT_WEIGHT] = {"self_attn.out_proj.weight", WIDTH, WIDTH, FAN_WIDTH},
    [FAL_STACK_OUT_BIAS] = {"self_attn.out_proj.bias", WIDTH, ONCE, ZEROS},
    [FAL_STACK_UP_WEIGHT] = {"linear1.weight", FFN, WIDTH, FAN_WIDTH},
    [FAL_STACK_UP_BIAS] = {"linear1.bias", FFN, ONCE, FAN_WIDTH},
    [FAL_STACK_DOWN_WEIGHT] = {"linear2.weight", WIDTH, FFN, FAN_FFN},
    [FAL_STACK_DOWN_BIAS] = {"linear2.bias", WIDTH, ONCE, FAN_FFN},
    [FAL_STACK_GAMMA1] = {"norm1.weight", WIDTH, ONCE, ONES},
    [FAL_STACK_BETA1] = {"norm1.bias", WIDTH, ONCE, ZEROS},
    [FAL_STACK_GAMMA2] = {"norm2.weight", WIDTH, ONCE, ONES},
    [FAL_STACK_BETA2] = {"norm2.bias", WIDTH, ONCE, ZEROS},
};

static int64_t extent_of(const fal_stack_shape *s, extent e)
{
    switch (e) {
    case ONCE: return 1;
    case WIDTH: return s->width;
    case QKV: return 3 * s->width;
    case FFN: return s->ffn;
    }
    return 0;
}

static fal_init init_of(const fal_stack_shape *s, start how)
{
    const fal_init zero = FAL_INIT_ZERO, one = FAL_INIT_ONE;
    const fal_init fan_width = FAL_INIT_UNIFORM(1 / sqrt((double)s->width));
    const fal_init fan_ffn = FAL_INIT_UNIFORM(1 / sqrt((double)s->ffn));
    const fal_init attention = FAL_INIT_UNIFORM(sqrt(6 / (4 * (double)s->width))); /* Xavier over [3 width, width] */
    switch (how) {
    case ZEROS: return zero;
    case ONES: return one;
    case FAN_WIDTH: return fan_width;
    case FAN_FFN: return fan_ffn;
    case ATTENTION: return attention;
    }
    return zero;
}

/* ---- places ---- */

fal_stack_places fal_stack_find(const fal_stack_shape *s)
{
    fal_stack_places p = {.input_bias = (size_t)(s->width * s->in)};
    p.first_layer = p.input_bias + (size_t)s->width;
    for (int i = 0; i < FAL_STACK_ARRAYS; i++) {
        p.array[i] = p.layer_count;
        p.layer_count += (size_t)(extent_of(s, layer_arrays[i].rows) * extent_of(s, layer_arrays[i].cols));
    }
    p.gamma = p.first_layer + (size_t)s->layers * p.layer_count;
    p.beta = p.gamma + (size_t)s->width;
    p.count = p.beta + (size_t)s->width;
    return p;
}

size_t fal_stack_count(const fal_stack_shape *shape)
{
    return fal_stack_find(shape).count;
}

static fal_status declare_layer(const fal_stack_shape *s, int64_t layer, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    char name[FAL_PARAM_NAME];
    for (int i = 0; i < FAL_STACK_ARRAYS; i++) {
        int64_t extents[] = {extent_of(s, layer_arrays[i].rows), extent_of(s, layer_arrays[i].cols)};
        snprintf(name, sizeof name, "encoder.layers.%lld.%s", (long long)layer, layer_arrays[i].name);
        FAL_TRY(fal_params_add(params, name, layer_arrays[i].cols == ONCE ? 1 : 2, extents,
                               init_of(s, layer_arrays[i].start), NULL, err));
    }
done:
    return st;
}

fal_status fal_stack_declare(const fal_stack_shape *s, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_init fan_in = FAL_INIT_UNIFORM(1 / sqrt((double)s->in));
    FAL_TRY(fal_params_add(params, "input_proj.weight", 2, (int64_t[]){s->width, s->in}, fan_in, NULL, err));
    FAL_TRY(fal_params_add(params, "input_proj.bias", 1, &s->width, fan_in, NULL, err));
    for (int64_t layer = 0; layer < s->layers; layer++)
        FAL_TRY(declare_layer(s, layer, params, err));
    FAL_TRY(fal_params_add(params, "encoder.norm.weight", 1, &s->width, init_of(s, ONES), NULL, err));
    FAL_TRY(fal_params_add(params, "encoder.norm.bias", 1, &s->width, init_of(s, ZEROS), NULL, err));
done:
    return st;
}

/* ---- from a file ---- */

static fal_status find_matrix(const fal_checkpoint *ckpt, const char *name, const fal_tensor **out, fal_error *err)
{
    char text[96];
    const fal_named_tensor *found = fal_checkpoint_find(ckpt, name);
    if (!found)
        return fal_fail(err, FAL_ERR_FORMAT, "%s is missing", name);
    const fal_tensor *t = &found->tensor;
    if (t->rank != 2 || t->shape[0] < 1 || t->shape[0] > MOST_ROWS_OF_WEIGHT || t->shape[1] < 1 ||
        t->shape[1] > MOST_CHANNELS)
        return fal_fail(err, FAL_ERR_FORMAT, "%s is %s, expected [rows,columns] of at most %d x %d", name,
                        fal_tensor_shape_text(text, t), MOST_ROWS_OF_WEIGHT, MOST_CHANNELS);
    *out = t;
    return FAL_OK;
}

static int64_t count_layers(const fal_checkpoint *ckpt)
{
    char name[FAL_PARAM_NAME];
    int64_t layers = 0;
    for (; layers < MOST_LAYERS; layers++) {
        snprintf(name, sizeof name, "encoder.layers.%lld.linear1.weight", (long long)layers);
        if (!fal_checkpoint_find(ckpt, name))
            break;
    }
    return layers;
}

static int64_t heads_of(const fal_checkpoint *ckpt)
{
    const fal_value *heads = fal_value_get(fal_checkpoint_config(ckpt), "heads");
    if (!heads)
        heads = fal_value_path(fal_checkpoint_object(ckpt), "config.heads");
    return fal_value_int(heads, FAL_STACK_HEADS);
}

static fal_status check_shape(const fal_stack_shape *s, fal_error *err)
{
    if (s->heads < 1 || s->width % s->heads)
        return fal_fail(err, FAL_ERR_FORMAT, "a width of %lld cannot be split into %lld heads", (long long)s->width,
                        (long long)s->heads);
    return FAL_OK;
}

fal_status fal_stack_read_shape(const fal_checkpoint *ckpt, fal_stack_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *input, *up;
    fal_stack_shape s = {.layers = count_layers(ckpt), .heads = heads_of(ckpt)};
    size_t count = fal_checkpoint_count(ckpt), want = (size_t)s.layers * FAL_STACK_ARRAYS + 6; /* input, norm, output */
    FAL_TRY(find_matrix(ckpt, "input_proj.weight", &input, err));
    FAL_TRY(find_matrix(ckpt, "encoder.layers.0.linear1.weight", &up, err));
    s.width = input->shape[0], s.in = input->shape[1], s.ffn = up->shape[0];
    FAL_TRY(check_shape(&s, err));
    if (count != want)
        FAL_FAIL(FAL_ERR_FORMAT, "%zu tensors, expected %zu for %lld layers", count, want, (long long)s.layers);
    /* before room is made for them: a few bytes of a file can claim any shape */
    if (fal_stack_count(&s) > fal_checkpoint_memory(ckpt))
        FAL_FAIL(FAL_ERR_FORMAT, "%lld layers of width %lld and %lld take %zu numbers, more than the file can hold",
                 (long long)s.layers, (long long)s.width, (long long)s.ffn, fal_stack_count(&s));
    *shape = s;
done:
    return st;
}

/* A file of PyTorch says "both" when rows are two streams side by side, but not how wide each is: both encoders of a
 * pair have the same width. */
fal_head_shape fal_stack_rows(const fal_checkpoint *ckpt, const fal_stack_shape *s)
{
    const char *input = fal_value_string(fal_value_path(fal_checkpoint_object(ckpt), "config.input_type"), NULL);
    if (fal_str_eq(input, "both") && s->in % 2 == 0)
        return (fal_head_shape){.parts = 2, .dims = {s->in / 2, s->in / 2}, .dim = s->in, .arrays = "visual+audio"};
    return (fal_head_shape){.parts = 1, .dims = {s->in}, .dim = s->in};
}

/* ---- for training ---- */

static int64_t given_or(int given, int64_t fallback)
{
    return given > 0 ? given : fallback;
}

fal_status fal_stack_configure(const fal_head_training *training, int64_t in, int64_t layers, fal_stack_shape *shape,
                               fal_error *err)
{
    fal_stack_shape s = {.in = in,
                         .width = given_or(training->width, FAL_STACK_WIDTH),
                         .layers = given_or(training->layers, layers),
                         .heads = given_or(training->heads, FAL_STACK_HEADS),
                         .ffn = given_or(training->ffn, FAL_STACK_FFN)};
    if (s.layers > MOST_LAYERS || s.width > MOST_ROWS_OF_WEIGHT || s.ffn > MOST_ROWS_OF_WEIGHT)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "%lld layers of width %lld and %lld: at most %d layers of %d are possible", (long long)s.layers,
                        (long long)s.width, (long long)s.ffn, MOST_LAYERS, MOST_ROWS_OF_WEIGHT);
    if (s.width % s.heads)
        return fal_fail(err, FAL_ERR_ARGUMENT, "a width of %lld cannot be split into %lld heads", (long long)s.width,
                        (long long)s.heads);
    *shape = s;
    return FAL_OK;
}

void fal_stack_note(const fal_stack_shape *shape, fal_jw *w)
{
    fal_jw_put_int(w, "width", shape->width);
    fal_jw_put_int(w, "layers", shape->layers);
    fal_jw_put_int(w, "heads", shape->heads);
    fal_jw_put_int(w, "ffn", shape->ffn);
}
