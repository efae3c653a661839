#include "encoder/posconv.h"

#include "core/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define V_NAMES "weight_v|parametrizations.weight.original1"
#define G_NAMES "weight_g|parametrizations.weight.original0"

struct fal_posconv {
    fal_conv *conv;
    int64_t taps, width;
};

/* Norm of every tap over (out, in): v is contiguous [D, D/groups, K]. */
static void tap_norms(const float *v, int64_t pairs, int64_t taps, double *norms)
{
    memset(norms, 0, (size_t)taps * sizeof *norms);
    for (int64_t p = 0; p < pairs; p++)
        for (int64_t k = 0; k < taps; k++)
            norms[k] += (double)v[p * taps + k] * v[p * taps + k];
    for (int64_t k = 0; k < taps; k++)
        norms[k] = sqrt(norms[k]);
}

/* ---- weights ---- */

/* The tensor called `group` + `names`, every spelling of both tried. */
static const fal_tensor *peek(const fal_bind *bind, const char *group, const char *names)
{
    char full[512];
    size_t used = 0;
    for (const char *g = group; *g && used < sizeof full; g += strcspn(g, "|"), g += *g == '|')
        for (const char *n = names; *n && used < sizeof full; n += strcspn(n, "|"), n += *n == '|')
            used += (size_t)snprintf(full + used, sizeof full - used, "%s%.*s%.*s", used ? "|" : "",
                                     (int)strcspn(g, "|"), g, (int)strcspn(n, "|"), n);
    return fal_bind_peek(bind, full);
}

bool fal_posconv_shape(const fal_bind *bind, const char *group, int64_t *taps, int64_t *groups)
{
    const fal_tensor *v = peek(bind, group, V_NAMES);
    if (!v || v->rank != 3 || v->shape[0] < 1 || v->shape[1] < 1 || v->shape[2] < 1 || v->shape[0] % v->shape[1])
        return false;
    *taps = v->shape[2];
    *groups = v->shape[0] / v->shape[1];
    return true;
}

void fal_posconv_bind(fal_bind *bind, const char *group, int64_t width, int64_t taps, int64_t groups,
                      fal_posconv_weights *target)
{
    fal_bind_dim(bind, 'D', width);
    fal_bind_dim(bind, 'G', width / groups);
    fal_bind_dim(bind, 'K', taps);
    const fal_weight_row rows[] = {
        {FAL_FIELD(fal_posconv_weights, v), V_NAMES, "D G K",
         FAL_INIT_NORMAL(sqrt(4.0 / ((double)taps * (double)width)))},
        {FAL_FIELD(fal_posconv_weights, g), G_NAMES, "1 1 K", FAL_INIT_FAMILY},
        {FAL_FIELD(fal_posconv_weights, bias), "bias", "D", FAL_INIT_ZERO},
    };
    fal_bind_rows(bind, group, rows, FAL_COUNT(rows), target);
}

void fal_posconv_draw_gain(const fal_bind *bind, const char *name, const fal_tensor *shape, uint64_t seed, float *out)
{
    (void)seed;
    char v_name[256];
    snprintf(v_name, sizeof v_name, "%.*s_v", (int)(strlen(name) - strlen("_g")), name);
    const fal_tensor *v = fal_bind_peek(bind, v_name);
    int64_t taps = shape->shape[2];
    double sums[512] = {0};
    assert(v && taps <= (int64_t)FAL_COUNT(sums)); /* v is declared before g; families' tables have 128 taps at most */
    tap_norms(v->data, fal_tensor_count(v) / taps, taps, sums);
    for (int64_t k = 0; k < taps; k++)
        out[k] = (float)sums[k];
}

/* ---- building and running ---- */

/* W from g and v, in place of v. */
static void apply_weight_norm(float *v, int64_t pairs, int64_t taps, const float *g, double *scale)
{
    tap_norms(v, pairs, taps, scale);
    for (int64_t k = 0; k < taps; k++)
        scale[k] = g[k] / scale[k];
    for (int64_t p = 0; p < pairs; p++)
        for (int64_t k = 0; k < taps; k++)
            v[p * taps + k] = (float)(v[p * taps + k] * scale[k]);
}

fal_status fal_posconv_create(const fal_posconv_weights *weights, const fal_build *build, fal_posconv **out,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    fal_posconv *posconv = NULL;
    float *w = NULL, *g = NULL;
    double *scale = NULL;
    int64_t width = weights->v.shape[0], depth = weights->v.shape[1], taps = weights->v.shape[2];
    FAL_ALLOC(posconv, fal_calloc(1, sizeof *posconv));
    FAL_ALLOC(w, fal_malloc_array((size_t)fal_tensor_count(&weights->v), sizeof *w));
    FAL_ALLOC(g, fal_malloc_array((size_t)taps, sizeof *g));
    FAL_ALLOC(scale, fal_malloc_array((size_t)taps, sizeof *scale));
    fal_tensor_copy_f32(&weights->v, w);
    fal_tensor_copy_f32(&weights->g, g);
    apply_weight_norm(w, width * depth, taps, g, scale);
    fal_conv_params params = {.dims = 1,
                              .weight = fal_tensor_f32(w, 3, weights->v.shape),
                              .bias = &weights->bias,
                              .pad = {taps / 2},
                              .groups = width / depth,
                              .act = FAL_ACT_GELU,
                              .precision = build->precision};
    FAL_TRY(fal_conv_create(&params, &posconv->conv, err));
    posconv->taps = taps;
    posconv->width = width;
    fal_build_release(build, weights, sizeof *weights);
    *out = posconv;
    posconv = NULL;
done:
    fal_posconv_free(&posconv);
    fal_free(w);
    fal_free(g);
    fal_free(scale);
    return st;
}

void fal_posconv_free(fal_posconv **posconv)
{
    if (!*posconv)
        return;
    fal_conv_free(&(*posconv)->conv);
    fal_release(posconv);
}

fal_status fal_posconv_run(const fal_posconv *posconv, fal_forward *pass, float *x, int64_t rows, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    float *positions;
    int64_t made = rows + (posconv->taps % 2 == 0);
    FAL_FLOATS(positions, pass->run, made * posconv->width);
    FAL_TRY(fal_conv_run(posconv->conv, pass->run, &(fal_conv_args){.x = x, .batch = 1, .size = {rows}, .y = positions},
                         err));
    fal_forward_stage(pass, "pos_conv", positions, rows, posconv->width, 0);
    fal_add(pass->run, x, positions, rows * posconv->width, x);
    fal_arena_release(arena, mark);
done:
    return st;
}
