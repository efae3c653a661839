#include "encoder/feed_forward.h"

#include "core/alloc.h"
#include "encoder/scaled_linear.h"

/* Rows worked off at once: enough for full matrix-product speed, and the [rows, F] scratch of an hour-long clip stays
 * that of a short one. */
enum { BLOCK_ROWS = 1024 };

struct fal_feed_forward {
    fal_feed_forward_params params;
    fal_norm norm;
    fal_linear *fc1, *fc2;
};

fal_status fal_feed_forward_create(const fal_feed_forward_params *params, const fal_feed_forward_weights *weights,
                                   fal_precision precision, fal_feed_forward **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feed_forward *ff = NULL;
    FAL_ALLOC(ff, fal_calloc(1, sizeof *ff));
    ff->params = *params;
    FAL_TRY(fal_norm_create(&weights->norm, params->norm_eps, &ff->norm, err));
    FAL_TRY(fal_linear_create(&weights->fc1_w, &weights->fc1_b, precision, &ff->fc1, err));
    FAL_TRY(fal_scaled_linear_create(&weights->fc2_w, &weights->fc2_b, &weights->scale, params->factor, precision,
                                     &ff->fc2, err));
    *out = ff;
    ff = NULL;
done:
    fal_feed_forward_free(&ff);
    return st;
}

void fal_feed_forward_free(fal_feed_forward **feed_forward)
{
    fal_feed_forward *ff = *feed_forward;
    if (!ff)
        return;
    fal_norm_free(&ff->norm);
    fal_linear_free(&ff->fc1);
    fal_linear_free(&ff->fc2);
    fal_release(feed_forward);
}

fal_status fal_feed_forward_run(const fal_feed_forward *ff, fal_forward *pass, float *x, int64_t rows,
                                const char *stage, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = pass->run;
    const fal_feed_forward_params *p = &ff->params;
    bool shown = stage && fal_run_has_stage_hook(run);
    int64_t most = rows < BLOCK_ROWS || shown ? rows : BLOCK_ROWS;
    float *normed, *inner; /* [most, D], [most, F] */
    FAL_FLOATS(normed, run, most * p->width);
    FAL_FLOATS(inner, run, most * p->ffn);
    for (int64_t first = 0; first < rows; first += most) {
        int64_t n = rows - first < most ? rows - first : most;
        float *part = x + first * p->width;
        if (p->pre_norm)
            fal_norm_run(&ff->norm, run, part, n, normed);
        FAL_TRY(fal_apply_linear(ff->fc1, run, p->pre_norm ? normed : part, n, p->act, inner, err));
        if (shown)
            fal_forward_stage(pass, stage, inner, n, p->ffn, 0);
        FAL_TRY(
            fal_linear_run(ff->fc2, run, &(fal_linear_args){.x = inner, .rows = n, .y = part, .residual = part}, err));
        if (!p->pre_norm)
            fal_norm_run(&ff->norm, run, part, n, part);
    }
done:
    return st;
}
