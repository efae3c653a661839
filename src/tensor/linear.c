#include "tensor/gemm.h"

#include "core/alloc.h"

struct fal_linear {
    int64_t in, out;
    fal_packed weight;
    float *bias; /* or NULL */
};

static fal_status check_shapes(const fal_tensor *weight, const fal_tensor *bias, fal_error *err)
{
    char text[96];
    if (weight->rank != 2 || weight->shape[0] < 1 || weight->shape[1] < 1)
        return fal_fail(err, FAL_ERR_ARGUMENT, "linear weight is %s, expected [out,in]",
                        fal_tensor_shape_text(text, weight));
    if (bias && !fal_tensor_has_shape(bias, 1, weight->shape))
        return fal_fail(err, FAL_ERR_ARGUMENT, "linear bias is %s, expected [%lld]", fal_tensor_shape_text(text, bias),
                        (long long)weight->shape[0]);
    return FAL_OK;
}

/* A contiguous float32 copy, or the data itself when it is that already; *copy is what to free. */
static fal_status as_f32(const fal_tensor *t, const float **data, float **copy, fal_error *err)
{
    fal_status st = FAL_OK;
    *copy = NULL;
    if (t->dtype == FAL_F32 && fal_tensor_is_contiguous(t)) {
        *data = t->data;
        return FAL_OK;
    }
    FAL_ALLOC(*copy, fal_malloc_array((size_t)fal_tensor_count(t), sizeof(float)));
    fal_tensor_copy_f32(t, *copy);
    *data = *copy;
done:
    return st;
}

fal_status fal_linear_create(const fal_tensor *weight, const fal_tensor *bias, fal_precision precision,
                             fal_linear **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_linear *linear = NULL;
    float *copy = NULL;
    const float *data = NULL;
    FAL_TRY(check_shapes(weight, bias, err));
    FAL_ALLOC(linear, fal_calloc(1, sizeof *linear));
    linear->out = weight->shape[0];
    linear->in = weight->shape[1];
    FAL_TRY(as_f32(weight, &data, &copy, err));
    fal_matrix m = {.data = data, .k = linear->in, .n = linear->out, .k_stride = 1, .n_stride = linear->in};
    FAL_TRY(fal_packed_create(&m, precision, &linear->weight, err));
    if (bias) {
        FAL_ALLOC(linear->bias, fal_malloc_array((size_t)linear->out, sizeof(float)));
        fal_tensor_copy_f32(bias, linear->bias);
    }
    *out = linear;
    linear = NULL;
done:
    fal_free(copy);
    fal_linear_free(&linear);
    return st;
}

void fal_linear_free(fal_linear **linear)
{
    if (!*linear)
        return;
    fal_packed_clear(&(*linear)->weight);
    fal_free((*linear)->bias);
    fal_release(linear);
}

int64_t fal_linear_in(const fal_linear *linear)
{
    return linear->in;
}

int64_t fal_linear_out(const fal_linear *linear)
{
    return linear->out;
}

fal_status fal_linear_run(const fal_linear *linear, fal_run *run, const fal_linear_args *args, fal_error *err)
{
    if (args->rows < 0)
        return fal_fail(err, FAL_ERR_ARGUMENT, "linear wants 0 or more rows, not %lld", (long long)args->rows);
    if (args->act == FAL_ACT_PRELU)
        return fal_fail(err, FAL_ERR_ARGUMENT, "linear has no PReLU slopes; only convolutions do");
    fal_gemm gemm = {
        .b = &linear->weight,
        .rows = args->rows,
        .a = args->x,
        .a_stride = args->x_stride ? args->x_stride : linear->in,
        .finish = {
            .alpha = 1,
            .bias = linear->bias,
            .act = args->act,
            .residual = args->residual,
            .residual_stride = args->residual_stride ? args->residual_stride : linear->out,
            .y = args->y,
            .y_stride = args->y_stride ? args->y_stride : linear->out,
        },
    };
    return fal_gemm_run(run, &gemm, 1, err);
}
