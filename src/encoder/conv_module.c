#include "encoder/conv_module.h"

#include "core/alloc.h"
#include "encoder/scaled_linear.h"

struct fal_conv_module {
    fal_norm norm;
    fal_linear *pw1, *pw2;
    fal_conv *depthwise; /* with BatchNorm and swish */
};

static fal_status create_depthwise(const fal_conv_module_weights *w, fal_precision precision, fal_conv **out,
                                   fal_error *err)
{
    const fal_norm_weights *norm = &w->batch_norm;
    fal_conv_params params = {.dims = 1,
                              .weight = w->depthwise_w,
                              .bias = &w->depthwise_b,
                              .pad = {w->depthwise_w.shape[2] / 2},
                              .groups = w->depthwise_w.shape[0],
                              .bn_gamma = &norm->gamma,
                              .bn_beta = &norm->beta,
                              .bn_mean = &norm->mean,
                              .bn_var = &norm->var,
                              .act = FAL_ACT_SWISH,
                              .precision = precision};
    if (w->depthwise_w.shape[2] % 2 == 0)
        return fal_fail(err, FAL_ERR_UNSUPPORTED,
                        "the depthwise convolution has %lld taps, only odd numbers are covered",
                        (long long)w->depthwise_w.shape[2]);
    return fal_conv_create(&params, out, err);
}

fal_status fal_conv_module_create(const fal_conv_module_weights *weights, double norm_eps, fal_precision precision,
                                  fal_conv_module **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_conv_module *m = NULL;
    FAL_ALLOC(m, fal_calloc(1, sizeof *m));
    FAL_TRY(fal_norm_create(&weights->norm, norm_eps, &m->norm, err));
    FAL_TRY(fal_scaled_linear_create(&weights->pw1_w, &weights->pw1_b, NULL, 1, precision, &m->pw1, err));
    FAL_TRY(create_depthwise(weights, precision, &m->depthwise, err));
    FAL_TRY(fal_scaled_linear_create(&weights->pw2_w, &weights->pw2_b, NULL, 1, precision, &m->pw2, err));
    *out = m;
    m = NULL;
done:
    fal_conv_module_free(&m);
    return st;
}

void fal_conv_module_free(fal_conv_module **module)
{
    fal_conv_module *m = *module;
    if (!m)
        return;
    fal_norm_free(&m->norm);
    fal_linear_free(&m->pw1);
    fal_conv_free(&m->depthwise);
    fal_linear_free(&m->pw2);
    fal_release(module);
}

fal_status fal_conv_module_run(const fal_conv_module *m, fal_forward *pass, float *x, int64_t rows, bool stages,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = pass->run;
    int64_t width = m->norm.dim;
    float *normed, *doubled; /* [rows, D], [rows, 2D] */
    FAL_FLOATS(normed, run, rows * width);
    FAL_FLOATS(doubled, run, rows * 2 * width);
    fal_norm_run(&m->norm, run, x, rows, normed);
    if (stages)
        fal_forward_stage(pass, "layer0_conv_norm", normed, rows, width, 0);
    FAL_TRY(fal_apply_linear(m->pw1, run, normed, rows, FAL_ACT_NONE, doubled, err));
    fal_glu(run, doubled, rows, width, normed);
    float *filtered = doubled; /* [rows, D]: the product is done with */
    fal_conv_args args = {.x = normed, .batch = 1, .size = {rows}, .y = filtered};
    FAL_TRY(fal_conv_run(m->depthwise, run, &args, err));
    if (stages)
        fal_forward_stage(pass, "layer0_conv_depthwise", filtered, rows, width, 0);
    FAL_TRY(fal_linear_run(m->pw2, run, &(fal_linear_args){.x = filtered, .rows = rows, .y = x, .residual = x}, err));
done:
    return st;
}
