/* One epoch of the probe over packed features beside one read of them.
 *
 *   bench_heads [CLIPS] [THREADS] [FRAMES] [DIM]     default: 2000 clips (1 GB), all cores, 250 frames, 1024 channels
 *
 * Rows are float16, normalised, in memory, as a packed file is once it has been read. "read" adds up their bytes, as
 * wide as they can be loaded; "epoch" is loss, gradient and update of every clip in batches of 64; "score" is the
 * validation's pass. All three are timed in turn, several rounds, and told as the least and the median of the rounds.
 */
#include "support.h"

#include "core/alloc.h"
#include "core/half.h"
#include "core/rng.h"
#include "core/thread.h"
#include "head/adam.h"
#include "head/head.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 15, BATCH = 64, ROWS_MADE = 512 };

typedef struct bench {
    int64_t clips, frames, dim;
    int threads;
    uint16_t *rows;
    fal_clip_features *set;
    fal_samples *parts;
    fal_head *head;
    fal_run *run;
    fal_adam adam;
    float *gradient;
    uint64_t checksum;
    double loss;
} bench;

/* Some hundred rows, again and again: drawing a gigabyte would take longer than the benchmark. */
static void make_rows(bench *b)
{
    const size_t dim = (size_t)b->dim, made = ROWS_MADE * dim, count = (size_t)(b->clips * b->frames) * dim;
    float *drawn = fal_malloc_array(made, sizeof *drawn);
    uint16_t *half = fal_malloc_array(made, sizeof *half);
    b->rows = fal_malloc_array(count, sizeof *b->rows);
    need(drawn && half && b->rows, "out of memory");
    fal_rng_fill_normal(1, 0, 0, 0, 1 / sqrtf((float)dim), drawn, made);
    fal_f32_to_f16_n(drawn, half, made);
    for (size_t at = 0; at < count; at += made)
        memcpy(b->rows + at, half, (count - at < made ? count - at : made) * sizeof *half);
    fal_free(drawn);
    fal_free(half);
}

static void make_set(bench *b)
{
    const fal_head_shape shape = {.parts = 1, .dims = {b->dim}, .dim = b->dim};
    fal_head_training training = {.kind = "probe"};
    b->set = fal_calloc((size_t)b->clips, sizeof *b->set);
    b->parts = fal_calloc((size_t)b->clips, sizeof *b->parts);
    need(b->set && b->parts, "out of memory");
    for (int64_t i = 0; i < b->clips; i++) {
        b->set[i] = (fal_clip_features){
            .path = "clip", .label = i % 2, .frames = b->frames, .half = b->rows + i * b->frames * b->dim};
        b->parts[i] = (fal_samples){&b->set[i], 0, 1};
    }
    need(fal_head_create(&fal_head_probe, &shape, NULL, &training, &b->head, NULL) == FAL_OK, "no head");
    fal_params_draw(&b->head->params, 1);
    need(fal_run_create(&(fal_run_options){.threads = b->threads}, &b->run, NULL) == FAL_OK, "no run");
    need(fal_adam_init(&b->adam, b->head->params.count, 1e-3, NULL) == FAL_OK, "no optimiser");
    b->gradient = fal_calloc(b->head->params.count, sizeof *b->gradient);
    need(b->gradient != NULL, "out of memory");
}

/* ---- what is timed ---- */

static void read_once(bench *b)
{
    const uint64_t *words = (const uint64_t *)(const void *)b->rows;
    const int64_t count = b->clips * b->frames * b->dim * 2 / 8, block = 8192;
    uint64_t total = 0;
#pragma omp parallel for schedule(static) num_threads(b->threads) reduction(+ : total)
    for (int64_t first = 0; first < count; first += block)
        for (int64_t i = first; i < (first + block < count ? first + block : count); i++)
            total += words[i];
    b->checksum += total;
}

static void pass(bench *b, bool update)
{
    fal_params *params = &b->head->params;
    for (int64_t first = 0; first < b->clips; first += BATCH) {
        const size_t count = (size_t)(b->clips - first < BATCH ? b->clips - first : BATCH);
        double sum;
        memset(b->gradient, 0, params->count * sizeof *b->gradient);
        fal_step step = {.values = params->values,
                         .run = b->run,
                         .parts = b->parts + first,
                         .part_count = count,
                         .scale = 1 / (double)count,
                         .gradient = update ? b->gradient : NULL};
        fal_run_begin(b->run);
        need(b->head->kind->trainable.loss(b->head->config.bytes, &step, &sum, NULL) == FAL_OK, "no loss");
        if (update)
            fal_adam_update(&b->adam, b->gradient, params->values);
        b->loss += sum;
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say(const char *what, double *seconds, double bytes, const double *read)
{
    qsort(seconds, ROUNDS, sizeof *seconds, ascending);
    printf("%-6s %.4f s (least %.4f)  %5.1f GB/s", what, seconds[ROUNDS / 2], seconds[0],
           bytes / seconds[ROUNDS / 2] * 1e-9);
    if (read)
        printf("  %.2f of a read (of the least: %.2f)", seconds[ROUNDS / 2] / read[ROUNDS / 2], seconds[0] / read[0]);
    printf("\n");
}

static void race(bench *b)
{
    double read[ROUNDS], epoch[ROUNDS], score[ROUNDS];
    const double bytes = (double)(b->clips * b->frames * b->dim * 2);
    for (int round = -1; round < ROUNDS; round++) { /* the first warms up */
        const int at = round < 0 ? 0 : round;
        double t0 = fal_now_s();
        read_once(b);
        double t1 = fal_now_s();
        pass(b, true);
        double t2 = fal_now_s();
        pass(b, false);
        read[at] = t1 - t0, epoch[at] = t2 - t1, score[at] = fal_now_s() - t2;
    }
    say("read", read, bytes, NULL);
    say("epoch", epoch, bytes, read);
    say("score", score, bytes, read);
}

int main(int argc, char **argv)
{
    bench b = {.clips = argc > 1 ? atoll(argv[1]) : 2000,
               .threads = argc > 2 ? atoi(argv[2]) : fal_cpu_count(),
               .frames = argc > 3 ? atoll(argv[3]) : 250,
               .dim = argc > 4 ? atoll(argv[4]) : 1024};
    need(b.clips > 0 && b.frames > 0 && b.dim > 0 && b.threads > 0,
         "usage: bench_heads [CLIPS] [THREADS] [FRAMES] [DIM]");
    need(b.clips * b.frames < INT64_MAX / 4 / b.dim, "that is too much");
    make_rows(&b);
    make_set(&b);
    printf("%s, %d threads: %" PRId64 " clips x %" PRId64 " x %" PRId64 " float16, %.2f GB\n", fal_cpu_isa(), b.threads,
           b.clips, b.frames, b.dim, (double)(b.clips * b.frames * b.dim * 2) * 1e-9);
    race(&b);
    printf("checksum %" PRIu64 ", loss %.6f\n", b.checksum, b.loss);
    fal_head_free(&b.head);
    fal_run_free(&b.run);
    fal_adam_free(&b.adam);
    fal_free(b.gradient), fal_free(b.set), fal_free(b.parts), fal_free(b.rows);
    return 0;
}
