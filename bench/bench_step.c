/* One training step of a head on demand, for a race against another implementation (peers/sync_torch.py).
 *
 *   bench_step HEAD ROWS.npy CLIP_FRAMES THREADS
 *
 * HEAD is a head's file of any kind, ROWS.npy [frames, dim] holds feature rows as they are, which are normalised and
 * cut into clips of CLIP_FRAMES, labelled real and fake in turn. Every line on standard input asks for one step on all
 * of them: loss, gradient and Adam's update; the answer is "loss seconds". */
#include "core/alloc.h"
#include "core/clock.h"
#include "core/npy.h"
#include "head/adam.h"
#include "head/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    fal_head *head;
    fal_run *run;
    fal_adam adam;
    float *gradient, *rows;
    fal_clip_features *clips;
    fal_samples *parts;
    size_t count;
    double scale;
} bench;

static fal_status cut_clips(bench *b, const fal_npy *rows, int64_t clip_frames, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_head_shape *shape = &b->head->shape;
    if (rows->rank != 2 || (int64_t)rows->shape[1] != shape->dim)
        FAL_FAIL(FAL_ERR_ARGUMENT, "rows must be [frames, %lld]", (long long)shape->dim);
    int64_t frames = (int64_t)rows->shape[0];
    b->count = (size_t)((frames + clip_frames - 1) / clip_frames);
    b->rows = rows->data;
    fal_head_normalise(shape, b->rows, frames, b->rows);
    FAL_ALLOC(b->clips, fal_calloc(b->count, sizeof *b->clips));
    FAL_ALLOC(b->parts, fal_calloc(b->count, sizeof *b->parts));
    for (size_t i = 0; i < b->count; i++) {
        int64_t first = (int64_t)i * clip_frames, left = frames - first < clip_frames ? frames - first : clip_frames;
        b->clips[i] =
            (fal_clip_features){.path = "clip", .label = i % 2, .frames = left, .rows = b->rows + first * shape->dim};
        b->parts[i] = (fal_samples){&b->clips[i], 0, b->head->kind->trainable.samples(b->head->config.bytes, left)};
    }
    b->scale = b->head->kind->recipe.sum_loss ? 1 : 1 / (double)b->count;
done:
    return st;
}

static fal_status step(bench *b, double *loss, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_params *params = &b->head->params;
    fal_step args = {.values = params->values,
                     .run = b->run,
                     .parts = b->parts,
                     .part_count = b->count,
                     .scale = b->scale,
                     .gradient = b->gradient};
    memset(b->gradient, 0, params->count * sizeof *b->gradient);
    fal_run_begin(b->run);
    FAL_TRY(b->head->kind->trainable.loss(b->head->config.bytes, &args, loss, err));
    fal_adam_update(&b->adam, b->gradient, params->values);
    *loss *= b->scale;
done:
    return st;
}

static fal_status steps_on_demand(bench *b, fal_error *err)
{
    fal_status st = FAL_OK;
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        double loss, start = fal_now_s();
        FAL_TRY(step(b, &loss, err));
        printf("%.9g %.6f\n", loss, fal_now_s() - start);
        fflush(stdout);
    }
done:
    return st;
}

static fal_status run(char **argv, fal_error *err)
{
    fal_status st = FAL_OK;
    bench b = {0};
    fal_npy rows = {0};
    FAL_TRY(fal_head_open(argv[1], NULL, &b.head, err));
    FAL_TRY(fal_npy_read(argv[2], &rows, err));
    FAL_TRY(fal_npy_to_f32(&rows, err));
    FAL_TRY(cut_clips(&b, &rows, strtoll(argv[3], NULL, 10), err));
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = atoi(argv[4])}, &b.run, err));
    FAL_TRY(fal_adam_init(&b.adam, b.head->params.count, b.head->kind->recipe.learning_rate, err));
    b.adam.threads = fal_run_threads(b.run);
    FAL_ALLOC(b.gradient, fal_calloc(b.head->params.count, sizeof *b.gradient));
    FAL_TRY(steps_on_demand(&b, err));
done:
    fal_npy_free(&rows);
    fal_free(b.clips);
    fal_free(b.parts);
    fal_free(b.gradient);
    fal_adam_free(&b.adam);
    if (b.run)
        fal_run_free(&b.run);
    fal_head_free(&b.head);
    return st;
}

int main(int argc, char **argv)
{
    fal_error err;
    if (argc != 5 || strtoll(argv[3], NULL, 10) < 1) {
        fprintf(stderr, "usage: bench_step HEAD ROWS.npy CLIP_FRAMES THREADS\n");
        return 2;
    }
    if (run(argv, &err) != FAL_OK) {
        fprintf(stderr, "bench_step: %s\n", err.text);
        return 1;
    }
    return 0;
}
