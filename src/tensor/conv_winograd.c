/* 3x3 convolution of stride 1 by Winograd's minimal filtering F(m x m, 3 x 3) (Lavin and Gray, "Fast algorithms for
 * convolutional neural networks", CVPR 2016): y = A^T [ (G g G^T) . (B^T d B) ] A per tile of m x m outputs, where the
 * product over channels at each of the (m + 2)^2 points is a matrix product over tiles. On one axis F(4, 3): y = A^T [
 * (G g) . (B^T d) ], tiles of one line. B and A are applied in kernels_impl.h; G g G^T is made here, once, in double.
 */
#include "tensor/conv_layer.h"

#include "core/alloc.h"

#include <omp.h>

enum {
    MIN_CHANNELS = 32, /* below, the transforms cost more than they save */
    MAX_POINTS = 36,
    WORKING_FLOATS = 320 * 1024, /* transformed inputs and products of a task: about the L2 cache */
    MIN_TILES = 96,
    MAX_TILES = 126 /* per task; fewer would read the weights too often */
};

bool fal_conv_suits_winograd(const fal_conv *conv)
{
    return conv->dims <= 2 && conv->groups == 1 && conv->kernel[1] == (conv->dims == 1 ? 1 : 3) &&
           conv->kernel[2] == 3 && conv->stride[1] == 1 && conv->stride[2] == 1 && conv->in >= MIN_CHANNELS &&
           conv->out >= MIN_CHANNELS;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Rows of G for the finite points p: (1, p, p^2) / product of (p - the other points); for infinity (0, 0, 1). */
static void make_g(int m, double g[6][3])
{
    static const double points[] = {0, 0.75, -0.75, 1.5, -1.5};
    int finite = m + 1;
    for (int i = 0; i < finite; i++) {
        double scale = 1;
        for (int other = 0; other < finite; other++)
            if (other != i)
                scale *= points[i] - points[other];
        g[i][0] = 1 / scale;
        g[i][1] = points[i] / scale;
        g[i][2] = points[i] * points[i] / scale;
    }
    g[finite][0] = g[finite][1] = 0;
    g[finite][2] = 1;
}

/* One point of G w G^T for all channels: weight [out, taps, in] to u [out, in]; left and right are rows of G, and {1}
 * is the left one of a kernel of one line. */
static void transform_point(const fal_conv *conv, const float *weight, const double *left, const double right[3],
                            float *u)
{
    const int taps = conv->dims == 1 ? 3 : 9;
    for (int64_t o = 0; o < conv->out; o++, weight += taps * conv->in, u += conv->in)
        for (int64_t i = 0; i < conv->in; i++) {
            double sum = 0;
            for (int tap = 0; tap < taps; tap++)
                sum += left[tap / 3] * right[tap % 3] * (double)weight[tap * conv->in + i];
            u[i] = (float)sum;
        }
}

fal_status fal_conv_set_winograd(fal_conv *conv, const float *weight, fal_error *err)
{
    fal_status st = FAL_OK;
    float *u = NULL;
    double g[6][3];
    static const double one_line[] = {1};
    /* In ResNets the number of channels tells the size of the map: the widest layers work on 6x6 and 3x3, which tiles
     * of 3x3 cover without waste; the earlier ones on 22x22 and 11x11, where 4x4 saves more. */
    conv->tile = conv->dims == 2 && conv->in >= 256 ? 3 : 4;
    const int64_t t = conv->tile + 2, points = fal_conv_points(conv);
    FAL_ALLOC(conv->point, fal_calloc((size_t)points, sizeof *conv->point));
    FAL_ALLOC(u, fal_malloc_array((size_t)(conv->out * conv->in), sizeof *u));
    make_g(conv->tile, g);
    for (int64_t i = 0; i < points; i++) {
        transform_point(conv, weight, conv->dims == 1 ? one_line : g[i / t], g[i % t], u);
        fal_matrix m = {u, .k = conv->in, .n = conv->out, .k_stride = 1, .n_stride = conv->in};
        FAL_TRY(fal_packed_create(&m, FAL_PRECISION_F32, &conv->point[i], err));
    }
done:
    fal_free(u);
    return st;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

typedef struct winograd {
    const fal_conv *conv;
    const fal_kernels *kernels;
    const fal_conv_shape *shape;
    const float *x, *zeros; /* zeros: a pixel of padding */
    fal_finish finish;
    int64_t tile_lines;         /* outputs per tile side downwards */
    int64_t lines, cols, tiles; /* tiles per column and line of a map, and of the whole batch */
    int64_t task_tiles, tasks;
    int64_t v_stride, v_point;                     /* floats per tile and per point of the transformed input */
    int64_t product_panel, product_point, scratch; /* floats per panel and per point of the products; per thread */
} winograd;

typedef struct place {
    int64_t batch, line, col; /* of a tile: its first output pixel */
} place;

static place tile_place(const winograd *w, int64_t tile)
{
    return (place){tile / (w->lines * w->cols), tile / w->cols % w->lines * w->tile_lines,
                   tile % w->cols * w->conv->tile};
}

static void transform_input(const winograd *w, int64_t tile, float *v)
{
    const float *pixels[MAX_POINTS];
    const int64_t *in = w->shape->in, points = fal_conv_points(w->conv);
    const int t = w->conv->tile + 2;
    place at = tile_place(w, tile);
    for (int64_t i = 0; i < points; i++) {
        int64_t h = at.line - w->conv->pad[1] + i / t, c = at.col - w->conv->pad[2] + i % t;
        bool inside = h >= 0 && h < in[1] && c >= 0 && c < in[2];
        pixels[i] = inside ? w->x + ((at.batch * in[1] + h) * in[2] + c) * w->conv->in : w->zeros;
    }
    w->kernels->winograd_input(w->conv->tile, w->conv->dims, pixels, w->conv->in, v, w->v_point);
}

static void transform_output(const winograd *w, int64_t tile, const float *products)
{
    const int64_t *out = w->shape->out;
    int64_t m = w->conv->tile;
    place at = tile_place(w, tile);
    int64_t lines = out[1] - at.line < w->tile_lines ? out[1] - at.line : w->tile_lines;
    int64_t cols = out[2] - at.col < m ? out[2] - at.col : m;
    fal_finish finish = fal_finish_at(&w->finish, (at.batch * out[1] + at.line) * out[2] + at.col, 0);
    w->kernels->winograd_output((int)m, w->conv->dims, products, w->product_point, w->product_panel, w->conv->out,
                                &finish, (int)lines, (int)cols, out[2] * w->conv->out);
}

static void run_task(const winograd *w, int64_t task, float *scratch)
{
    int64_t first = task * w->task_tiles, points = fal_conv_points(w->conv);
    int64_t tiles = w->tiles - first < w->task_tiles ? w->tiles - first : w->task_tiles;
    int64_t panel = fal_round_up(tiles, w->kernels->mr) * w->kernels->nr;
    float *v = scratch, *products = scratch + points * w->v_point;
    winograd part = *w;
    part.product_panel = panel;
    for (int64_t i = 0; i < tiles; i++)
        transform_input(w, first + i, v + i * w->v_stride);
    for (int64_t point = 0; point < points; point++)
        fal_gemm_tiles(&w->conv->point[point], tiles, v + point * w->v_point, w->v_stride,
                       products + point * w->product_point);
    for (int64_t i = 0; i < tiles; i++)
        transform_output(&part, first + i, products + i * w->kernels->nr);
}

static winograd make_plan(const fal_conv *conv, const fal_conv_shape *shape, const fal_conv_args *args, int threads)
{
    winograd w = {.conv = conv, .kernels = fal_kernels_get(), .shape = shape, .x = args->x};
    int64_t m = conv->tile, points = fal_conv_points(conv), nr = w.kernels->nr;
    w.finish = fal_conv_finish(conv, args);
    w.tile_lines = conv->dims == 1 ? 1 : m;
    w.lines = (shape->out[1] + w.tile_lines - 1) / w.tile_lines;
    w.cols = (shape->out[2] + m - 1) / m;
    w.tiles = shape->batch * w.lines * w.cols;
    w.v_stride = fal_round_up(conv->in, 16);
    int64_t out = fal_round_up(conv->out, nr), tiles = WORKING_FLOATS / (points * (w.v_stride + out));
    tiles = tiles < MIN_TILES ? MIN_TILES : tiles > MAX_TILES ? MAX_TILES : tiles;
    int64_t tasks = fal_round_up((w.tiles + tiles - 1) / tiles, threads); /* equal shares */
    w.task_tiles = fal_round_up((w.tiles + tasks - 1) / tasks, w.kernels->mr);
    w.tasks = (w.tiles + w.task_tiles - 1) / w.task_tiles;
    w.v_point = w.task_tiles * w.v_stride + 16; /* + 16: points do not share cache sets */
    w.product_point = w.task_tiles * out + 16;
    w.scratch = points * (w.v_point + w.product_point);
    return w;
}

fal_status fal_conv_run_winograd(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                 const fal_conv_args *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    int threads = fal_run_threads(run);
    winograd w = make_plan(conv, shape, args, threads);
    float *zeros, *scratch;
    FAL_ALLOC(zeros, fal_run_floats(run, conv->in));
    FAL_ALLOC(scratch, fal_run_floats(run, threads * w.scratch));
    for (int64_t i = 0; i < conv->in; i++)
        zeros[i] = 0;
    w.zeros = zeros;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t task = 0; task < w.tasks; task++)
        run_task(&w, task, scratch + omp_get_thread_num() * w.scratch);
done:
    fal_arena_release(arena, mark);
    return st;
}
