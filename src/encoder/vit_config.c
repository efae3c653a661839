#include "encoder/vit_config.h"

#include "core/str.h"

#include <math.h>

/* Pillow's numbers for its filters, as preprocessor_config.json has them. */
enum { PIL_BILINEAR = 2, PIL_BICUBIC = 3 };
enum { MAX_SHORTER = 1 << 13 }; /* pixels a picture may be scaled to before its middle is cut out */

/* ---- from the tensors ---- */

static fal_status misshapen(const char *name, const fal_tensor *t, const char *wanted, fal_error *err)
{
    char shape[96];
    return fal_fail(err, FAL_ERR_FORMAT, "%s is %s, expected %s", name, t ? fal_tensor_shape_text(shape, t) : "missing",
                    wanted);
}

fal_status fal_vit_read_patch(const fal_tensor *weight, const char *name, fal_vit_config *config, fal_error *err)
{
    int rank = weight ? weight->rank : 0;
    bool fits = (rank == 4 || rank == 5) && weight->shape[0] > 0 && weight->shape[1] == 3;
    if (!fits || weight->shape[rank - 1] < 1 || weight->shape[rank - 1] != weight->shape[rank - 2] ||
        (rank == 5 && weight->shape[2] < 1))
        return misshapen(name, weight, "[D,3,P,P] or, for clips, [D,3,frames,P,P]", err);
    config->width = weight->shape[0];
    config->depth = rank == 5 ? weight->shape[2] : 1;
    config->patch = weight->shape[rank - 1];
    return FAL_OK;
}

fal_status fal_vit_read_positions(const fal_tensor *table, const char *name, fal_vit_config *config, fal_error *err)
{
    int64_t tokens = table && table->rank >= 2 ? table->shape[table->rank - 2] : 0;
    int64_t across = tokens > 1 ? llround(sqrt((double)(tokens - 1))) : 0;
    if (across < 1 || across * across + 1 != tokens ||
        __builtin_mul_overflow(across, config->patch, &config->picture.side))
        return misshapen(name, table, "a row for the class token and one for each patch of a square", err);
    return FAL_OK;
}

fal_status fal_vit_read_ffn(const fal_tensor *weight, const char *name, fal_vit_config *config, fal_error *err)
{
    if (!weight || weight->rank != 2)
        return misshapen(name, weight, "a matrix", err);
    config->ffn = weight->shape[0];
    return FAL_OK;
}

/* ---- from JSON ---- */

fal_status fal_vit_same(const fal_value *json, const char *file, const char *key, int64_t fallback, int64_t found,
                        fal_error *err)
{
    int64_t said = fal_value_int(fal_value_get(json, key), fallback);
    if (said == found)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_FORMAT, "%s says %s %lld, the tensors say %lld", file, key, (long long)said,
                    (long long)found);
}

fal_status fal_vit_set_channels(const double values[3], const char *name, bool std, float out[3], fal_error *err)
{
    for (int c = 0; c < 3; c++)
        if (!isfinite((float)values[c]) || (std && (float)values[c] <= 0))
            return fal_fail(err, FAL_ERR_FORMAT, "%s must be three %snumbers", name, std ? "positive " : "");
    for (int c = 0; c < 3; c++)
        out[c] = (float)values[c];
    return FAL_OK;
}

fal_status fal_vit_read_channels(const fal_value *list, const char *name, bool std, float out[3], fal_error *err)
{
    double values[3];
    if (fal_value_type(list) == FAL_VALUE_NONE)
        return FAL_OK;
    for (size_t c = 0; c < 3; c++)
        values[c] = fal_value_count(list) == 3 ? fal_value_real(fal_value_at(list, c), NAN) : NAN;
    return fal_vit_set_channels(values, name, std, out, err);
}

/* "size" and "crop_size" are a number or an object; both lead to the same square, or the network cannot read it. */
static fal_status read_size(const fal_value *json, fal_vit_config *config, fal_error *err)
{
    fal_picture_rule *rule = &config->picture;
    const fal_value *size = fal_value_get(json, "size"), *crop = fal_value_get(json, "crop_size");
    int64_t height = fal_value_int(fal_value_get(size, "height"), 0);
    int64_t width = fal_value_int(fal_value_get(size, "width"), 0);
    int64_t shorter = fal_value_int(fal_value_get(size, "shortest_edge"), fal_value_int(size, 0));
    int64_t cut = fal_value_int(fal_value_get(crop, "height"), fal_value_int(crop, rule->side));
    if (cut != rule->side || (height && (height != width || width != rule->side)) ||
        (shorter && (shorter < rule->side || shorter > MAX_SHORTER)))
        return fal_fail(err, FAL_ERR_FORMAT,
                        "the preprocessor's size and crop_size do not make pictures of %lld x %lld, which this network "
                        "reads",
                        (long long)rule->side, (long long)rule->side);
    if (height || shorter)
        rule->shorter = shorter;
    return FAL_OK;
}

fal_status fal_vit_read_processor(const fal_value *json, fal_vit_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_picture_rule *rule = &config->picture;
    int64_t filter =
        fal_value_int(fal_value_get(json, "resample"), rule->scaling == FAL_SCALE_BICUBIC ? PIL_BICUBIC : PIL_BILINEAR);
    if (filter != PIL_BICUBIC && filter != PIL_BILINEAR)
        FAL_FAIL(FAL_ERR_UNSUPPORTED,
                 "the preprocessor's resample %lld is not covered, only 2 (bilinear) and 3 (bicubic)",
                 (long long)filter);
    rule->scaling = filter == PIL_BICUBIC ? FAL_SCALE_BICUBIC : FAL_SCALE_BILINEAR;
    rule->crop_floor = fal_value_bool(fal_value_get(json, "crop_floor"), json || rule->crop_floor);
    FAL_TRY(read_size(json, config, err));
    FAL_TRY(fal_vit_read_channels(fal_value_get(json, "image_mean"), "image_mean", false, config->mean, err));
    FAL_TRY(fal_vit_read_channels(fal_value_get(json, "image_std"), "image_std", true, config->std, err));
done:
    return st;
}

/* ---- all together ---- */

fal_status fal_vit_check(const fal_vit_config *config, fal_error *err)
{
    fal_status st = fal_family_check_heads(config->width, config->heads, err);
    if (st != FAL_OK)
        return st;
    if (!(config->norm_eps >= 0) || isinf(config->norm_eps))
        return fal_fail(err, FAL_ERR_FORMAT, "layer_norm_eps is %g, expected at least 0", config->norm_eps);
    if (config->layers < 1)
        return fal_fail(err, FAL_ERR_FORMAT, "there is no transformer block");
    return FAL_OK;
}

void fal_vit_describe(const fal_vit_config *config, fal_encoder_description *out)
{
    out->width = config->width;
    out->layers = config->layers;
    out->heads = config->heads;
    out->picture = config->picture;
    out->exact_scaling = config->picture.scaling;
    out->chunk_frames = config->frames;
}

/* ---- to JSON ---- */

static void put_channels(fal_jw *w, const char *key, const float values[3])
{
    fal_jw_key(w, key);
    fal_jw_array(w);
    for (int c = 0; c < 3; c++)
        fal_jw_float(w, values[c]);
    fal_jw_end_array(w);
}

static void write_size(const fal_picture_rule *rule, fal_jw *w)
{
    fal_jw_key(w, "size");
    fal_jw_object(w);
    if (rule->shorter) {
        fal_jw_put_int(w, "shortest_edge", rule->shorter);
    } else {
        fal_jw_put_int(w, "height", rule->side);
        fal_jw_put_int(w, "width", rule->side);
    }
    fal_jw_end_object(w);
    fal_jw_put_int(w, "crop_size", rule->side);
    fal_jw_put_int(w, "resample", rule->scaling == FAL_SCALE_BICUBIC ? PIL_BICUBIC : PIL_BILINEAR);
    fal_jw_put_bool(w, "crop_floor", rule->crop_floor);
}

void fal_vit_write_json(const fal_vit_config *config, fal_jw *w)
{
    fal_jw_put_int(w, "hidden_size", config->width);
    fal_jw_put_int(w, "num_hidden_layers", config->layers);
    fal_jw_put_int(w, "num_attention_heads", config->heads);
    fal_jw_put_int(w, "intermediate_size", config->ffn);
    fal_jw_put_int(w, "image_size", config->picture.side);
    fal_jw_put_int(w, "patch_size", config->patch);
    fal_jw_put_string(w, "hidden_act", config->act == FAL_ACT_QUICK_GELU ? "quick_gelu" : "gelu");
    fal_jw_put_double(w, "layer_norm_eps", config->norm_eps);
    fal_jw_key(w, "preprocessor");
    fal_jw_object(w);
    write_size(&config->picture, w);
    put_channels(w, "image_mean", config->mean);
    put_channels(w, "image_std", config->std);
    fal_jw_end_object(w);
}
