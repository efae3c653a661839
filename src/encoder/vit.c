#include "encoder/vit.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A batch is at most so many windows and so many tokens: enough rows for full speed of the matrix products, and scratch
 * that does not grow with the clip. */
enum { BATCH_WINDOWS = 16, BATCH_TOKENS = 8192 };

struct fal_vit {
    fal_vit_config config;
    fal_levels levels;
    fal_linear *patch;
    bool has_class, fixed_size;
    int64_t rows;     /* of the table */
    float *positions; /* [rows, D]; the class token is added to its row */
    fal_norm pre_norm;
    fal_transformer *layers;
};

/* ---- building ---- */

static fal_status create_patch(const fal_vit_weights *w, fal_precision precision, fal_linear **out, fal_error *err)
{
    fal_status st = FAL_OK;
    float *flat = NULL; /* [D, 3 depth P P] */
    int64_t count = fal_tensor_count(&w->patch_w), width = w->patch_w.shape[0];
    FAL_ALLOC(flat, fal_malloc_array((size_t)count, sizeof *flat));
    fal_tensor_copy_f32(&w->patch_w, flat);
    fal_tensor matrix = fal_tensor_f32(flat, 2, (int64_t[]){width, count / width});
    FAL_TRY(fal_linear_create(&matrix, w->patch_b.data ? &w->patch_b : NULL, precision, out, err));
done:
    fal_free(flat);
    return st;
}

void fal_vit_clip_table(int64_t tokens, int64_t width, float *table)
{
    for (int64_t m = 0; 2 * m < width; m++) {
        double step = pow(10000.0, 2.0 * (double)m / (double)width);
        for (int64_t p = 0; p < tokens; p++) {
            table[p * width + 2 * m] = (float)sin((double)p / step);
            if (2 * m + 1 < width)
                table[p * width + 2 * m + 1] = (float)cos((double)p / step);
        }
    }
}

static fal_status create_positions(fal_vit *vit, const fal_vit_weights *w, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_vit_config *config = &vit->config;
    float *class_token = NULL;
    vit->has_class = w->class_token.data != NULL;
    vit->fixed_size = w->positions.data != NULL;
    vit->rows = config->frames / config->depth * fal_vit_grid(config) + vit->has_class;
    FAL_ALLOC(vit->positions, fal_malloc_array((size_t)vit->rows * (size_t)config->width, sizeof(float)));
    if (vit->fixed_size)
        fal_tensor_copy_f32(&w->positions, vit->positions);
    else
        fal_vit_clip_table(vit->rows, config->width, vit->positions);
    if (vit->has_class) {
        FAL_ALLOC(class_token, fal_malloc_array((size_t)config->width, sizeof(float)));
        fal_tensor_copy_f32(&w->class_token, class_token);
        for (int64_t c = 0; c < config->width; c++)
            vit->positions[c] += class_token[c];
    }
done:
    fal_free(class_token);
    return st;
}

fal_status fal_vit_create(const fal_vit_config *config, const fal_vit_weights *weights, const fal_block_weights *blocks,
                          const fal_build *build, fal_vit **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_vit *vit = NULL;
    fal_transformer_params layers = {.width = config->width,
                                     .ffn = config->ffn,
                                     .heads = config->heads,
                                     .layers = config->layers,
                                     .pre_norm = true,
                                     .norm_eps = config->norm_eps,
                                     .act = config->act};
    FAL_ALLOC(vit, fal_calloc(1, sizeof *vit));
    vit->config = *config;
    fal_levels_fill(&vit->levels, config->mean, config->std);
    FAL_TRY(create_patch(weights, build->precision, &vit->patch, err));
    FAL_TRY(create_positions(vit, weights, err));
    if (weights->pre_norm.gamma.data)
        FAL_TRY(fal_norm_create(&weights->pre_norm, config->norm_eps, &vit->pre_norm, err));
    fal_build_release(build, weights, sizeof *weights);
    FAL_TRY(fal_transformer_create(&layers, blocks, build, &vit->layers, err));
    *out = vit;
    vit = NULL;
done:
    fal_vit_free(&vit);
    return st;
}

void fal_vit_free(fal_vit **vit)
{
    if (!*vit)
        return;
    fal_linear_free(&(*vit)->patch);
    fal_free((*vit)->positions);
    fal_norm_free(&(*vit)->pre_norm);
    fal_transformer_free(&(*vit)->layers);
    fal_release(vit);
}

/* ---- running ---- */

/* Networks with their own positions read one size; a computed table serves every smaller one too. */
static fal_status check_size(const fal_vit *vit, const fal_pictures *p, const char *wanted, fal_error *err)
{
    int64_t patch = vit->config.patch, side = vit->config.picture.side;
    bool fits = vit->fixed_size
                    ? p->height == side && p->width == side
                    : p->height % patch == 0 && p->width % patch == 0 && p->height <= side && p->width <= side;
    if (fits)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_ARGUMENT, "video has pictures of %lld x %lld, want %s", (long long)p->width,
                    (long long)p->height, wanted);
}

static void wanted_text(const fal_vit *vit, fal_picture_order order, char out[192])
{
    long long side = vit->config.picture.side;
    bool clips = order != FAL_PICTURES_FRAMES;
    snprintf(out, 192, "U8[T,%lld,%lld,3] or F32[T,3,%lld,%lld]%s%s", side, side, side, side,
             clips ? " or F32[3,T,H,W]" : "", vit->fixed_size ? "" : "; smaller multiples of the patch are fine");
}

/* Groups of the hidden states' pooling follow the size of these pictures, which may not be the configuration's. */
static void adapt_pooling(const fal_vit *vit, fal_forward *pass, const fal_vit_batch *batch)
{
    if (pass->pooling.kind != FAL_POOL_NONE && !vit->has_class)
        pass->pooling.group = pass->pooling.group / fal_vit_grid(&vit->config) * batch->step_rows;
}

fal_status fal_vit_start(const fal_vit *vit, fal_forward *pass, fal_picture_order order, fal_vit_batch *batch,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_vit_config *config = &vit->config;
    char wanted[192];
    *batch = (fal_vit_batch){0};
    wanted_text(vit, order, wanted);
    FAL_TRY(fal_pictures_view(pass->video, order, &vit->levels, wanted, &batch->pictures, err));
    FAL_TRY(check_size(vit, &batch->pictures, wanted, err));
    const fal_pictures *p = &batch->pictures;
    batch->steps = (p->frames + config->depth - 1) / config->depth;
    batch->window_steps = config->frames / config->depth;
    batch->windows = (batch->steps + batch->window_steps - 1) / batch->window_steps;
    batch->step_rows = p->height / config->patch * (p->width / config->patch) + vit->has_class;
    batch->tokens = batch->window_steps * batch->step_rows;
    adapt_pooling(vit, pass, batch);
    bool whole_windows = pass->pooling.kind != FAL_POOL_NONE && pass->pooling.group == batch->tokens;
    int64_t rows = whole_windows ? batch->windows * batch->tokens : batch->steps * batch->step_rows;
    FAL_TRY(fal_forward_pieces(pass, rows, config->width, err));
done:
    return st;
}

/* The patches of the batch's windows as embedded [count * patches, D]. */
static fal_status embed_patches(const fal_vit *vit, fal_forward *pass, const fal_vit_batch *batch, float *embedded,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t layers = batch->count * batch->window_steps, rows = layers * (batch->step_rows - vit->has_class);
    float *patches; /* [rows, 3 depth P P] */
    FAL_FLOATS(patches, pass->run, rows * fal_linear_in(vit->patch));
    fal_patch_args args = {.depth = vit->config.depth,
                           .side = vit->config.patch,
                           .first = batch->first * vit->config.frames,
                           .layers = layers,
                           .out = patches};
    fal_pictures_patches(&batch->pictures, &args);
    FAL_TRY(fal_apply_linear(vit->patch, pass->run, patches, rows, FAL_ACT_NONE, embedded, err));
    fal_forward_stage(pass, "patch_embed", embedded, rows, vit->config.width, 0);
done:
    return st;
}

/* What the first layer reads: batch->x. */
static fal_status embed(const fal_vit *vit, fal_forward *pass, fal_vit_batch *batch, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = vit->config.width, skip = vit->has_class * width, window = batch->tokens * width;
    float *embedded, *x = batch->x;
    fal_arena_mark mark = fal_arena_save(fal_run_arena(pass->run));
    FAL_FLOATS(embedded, pass->run, batch->count * (window - skip));
    FAL_TRY(embed_patches(vit, pass, batch, embedded, err));
    for (int64_t w = 0; w < batch->count; w++) {
        memcpy(x + w * window, vit->positions, (size_t)skip * sizeof *x);
        fal_add(pass->run, embedded + w * (window - skip), vit->positions + skip, window - skip, x + w * window + skip);
    }
    fal_arena_release(fal_run_arena(pass->run), mark);
    int64_t rows = batch->count * batch->tokens;
    fal_forward_stage(pass, "embed", x, rows, width, 0);
    if (vit->pre_norm.gamma) {
        fal_norm_run(&vit->pre_norm, pass->run, x, rows, x);
        fal_forward_stage(pass, "after_ln_pre", x, rows, width, 0);
    }
done:
    return st;
}

/* Windows of the next batch. */
static int64_t batch_size(const fal_forward *pass, const fal_vit_batch *batch)
{
    int64_t left = batch->windows - batch->first, most = BATCH_WINDOWS;
    while (most > 1 && most * batch->tokens > BATCH_TOKENS)
        most /= 2;
    return fal_run_has_stage_hook(pass->run) ? left : fal_block_size(left, most);
}

fal_status fal_vit_next(const fal_vit *vit, fal_forward *pass, fal_vit_batch *batch, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    if (batch->count)
        fal_arena_release(arena, batch->mark);
    else
        batch->mark = fal_arena_save(arena);
    FAL_TRY(fal_forward_check(pass, err));
    batch->first += batch->count;
    batch->count = batch_size(pass, batch);
    int64_t width = vit->config.width, rows = batch->count * batch->tokens;
    FAL_FLOATS(batch->x, pass->run, rows * width);
    FAL_TRY(embed(vit, pass, batch, err));
    FAL_TRY(fal_transformer_run(vit->layers, pass, batch->x, rows, batch->tokens, err));
    FAL_TRY(fal_forward_keep(pass, pass->last_layer, batch->x, rows, width, err));
    pass->piece_row += rows;
done:
    return st;
}

/* Of every picture `rows` tokens, from token `first` on. */
static void copy_rows(const fal_vit *vit, const fal_vit_batch *batch, int64_t first, int64_t rows, float *out)
{
    int64_t width = vit->config.width;
    for (int64_t i = 0; i < batch->count; i++)
        memcpy(out + i * rows * width, batch->x + (i * batch->tokens + first) * width,
               (size_t)(rows * width) * sizeof *out);
}

void fal_vit_class_rows(const fal_vit *vit, const fal_vit_batch *batch, float *out)
{
    copy_rows(vit, batch, 0, 1, out);
}

void fal_vit_patch_rows(const fal_vit *vit, const fal_vit_batch *batch, float *out)
{
    copy_rows(vit, batch, 1, batch->tokens - 1, out);
}
