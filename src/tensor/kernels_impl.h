/* Source of every kernel table (see kernels.h). The including file defines LANES (floats per vector), TILE_ROWS,
 * TILE_VECTORS (register tile in rows and vectors), TABLE and TABLE_NAME, and is compiled with the flags of its
 * instruction set. Written with compiler vectors (GCC and clang), so that one text serves all widths. */
#include "core/half.h"
#include "tensor/kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>
#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
typedef float vec_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

enum { TILE_COLS = TILE_VECTORS * LANES };

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }
INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }
INLINE vec splat(float x) { return x - (vec){0}; }
INLINE vec pick(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }
INLINE vec vmin(vec a, vec b) { return pick(a > b, b, a); } /* a NaN in a stays */
INLINE vec vmax(vec a, vec b) { return pick(a < b, b, a); }
INLINE vec vabs(vec a) { return (vec)((ivec)a & 0x7fffffff); }

INLINE vec load_part(const float *p, int64_t n, float filler)
{
    vec v = splat(filler);
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}

INLINE void store_part(float *p, vec v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof(float));
}

/* Loops over n floats in whole vectors and one part: body(i, LANES or the rest). */
#define FOR_VECTORS(i, n) for (int64_t i = 0; i < (n); i += LANES)
INLINE vec load_at(const float *p, int64_t i, int64_t n)
{
    return n - i >= LANES ? load(p + i) : load_part(p + i, n - i, 0);
}

INLINE void store_at(float *p, vec v, int64_t i, int64_t n)
{
    if (n - i >= LANES)
        store(p + i, v);
    else
        store_part(p + i, v, n - i);
}

INLINE double lanes_sum(vec v)
{
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += (double)v[lane];
    return sum;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

/* e^x for x in [-87.3, 88], outside as at the nearest end: n = round(x / ln 2), e^x = 2^n e^r with |r| <= ln 2 / 2,
 * e^r = 1 + r + r^2 q(r). q is our minimax fit of degree 4, relative error of e^r 3.3e-9 before rounding. */
INLINE vec vexp(vec x)
{
    const vec round_magic = splat(12582912.0f); /* 1.5 * 2^23: adding it leaves an integer in the low mantissa bits */
    x = vmax(vmin(x, splat(88.0f)), splat(-87.3f));
    vec shifted = x * 1.44269504f + round_magic;
    vec n = shifted - round_magic;
    vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f; /* ln 2 in two parts; the first product is exact */
    vec q = r * 1.3813145e-3f + 8.369419e-3f;
    q = q * r + 4.1668456e-2f;
    q = q * r + 1.6666515e-1f;
    q = q * r + 4.9999994e-1f;
    vec e = (r * r) * q + r + 1.0f;
    ivec scale = ((ivec)shifted - (ivec)round_magic + 127) << 23;
    return e * (vec)scale;
}

/* h(z) = erfc(z / sqrt 2) / 2 = exp(-z^2 / 2) P(z) / Q(z) for z >= 0. P/Q is our own relative minimax fit on [0, 9],
 * error 1.9e-9 before rounding; *density = exp(-z^2 / 2). */
INLINE vec normal_tail(vec z, vec *density)
{
    vec p = z * 3.5578958e-3f + 3.6782607e-2f;
    p = p * z + 1.7164727e-1f;
    p = p * z + 4.2235067e-1f;
    p = p * z + 0.5f;
    vec q = z * 8.917998e-3f + 9.221412e-2f;
    q = q * z + 4.3891105e-1f;
    q = q * z + 1.1538868f;
    q = q * z + 1.642586f;
    q = q * z + 1.0f;
    *density = vexp(z * z * -0.5f);
    return *density * (p / q);
}

/* Beyond 13, h is below float32 range. */
INLINE vec held(vec x) { return vmin(vabs(x), splat(13.0f)); }

/* x Phi(x) = max(x, 0) - |x| h(|x|); measured against libm the result is within 1.1e-7 |x|. */
INLINE vec vgelu(vec x)
{
    vec density, z = held(x);
    return vmax(x, splat(0)) - z * normal_tail(z, &density);
}

/* Its derivative, Phi(x) + x phi(x). */
INLINE vec vgelu_slope(vec x)
{
    vec density, z = held(x), tail = normal_tail(z, &density), bump = z * density * 0.398942280f;
    return pick(x < splat(0), tail - bump, 1.0f - tail + bump);
}

/* |x| < 0.55: x + x^3 p(x^2), our minimax fit, relative error 2.8e-9 before rounding; else 1 - 2 / (e^2x + 1). */
INLINE vec vtanh(vec x)
{
    vec t = x * x;
    vec p = t * -5.8951587e-3f + 2.0795973e-2f;
    p = p * t + -5.378383e-2f;
    p = p * t + 1.3331924e-1f;
    p = p * t + -3.33333e-1f;
    vec small = x + x * t * p;
    vec large = 1.0f - 2.0f / (vexp(x * 2.0f) + 1.0f);
    return pick(vabs(x) < splat(0.55f), small, large);
}

/* x * sigmoid(steepness * x); below -100 the result would underflow, and x is held so that it does not overflow. */
INLINE vec vswish(vec x, float steepness)
{
    return vmax(x, splat(-100.0f)) / (1.0f + vexp(x * -steepness));
}

INLINE vec activate(fal_act act, vec x, vec slope)
{
    switch (act) {
    case FAL_ACT_NONE: return x;
    case FAL_ACT_RELU: return vmax(x, splat(0));
    case FAL_ACT_GELU: return vgelu(x);
    case FAL_ACT_QUICK_GELU: return vswish(x, 1.702f);
    case FAL_ACT_SWISH: return vswish(x, 1.0f);
    case FAL_ACT_PRELU: return pick(x < splat(0), x * slope, x);
    case FAL_ACT_TANH: return vtanh(x);
    }
    return x;
}

/* ---- matrix product ---------------------------------------------------------------------------------------------- */

/* One k: sum[row] += a[row] * b. */
INLINE void multiply_step(const int rows, const float *a, int64_t a_stride, const float *b,
                          vec sum[TILE_ROWS][TILE_VECTORS])
{
    vec column[TILE_VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < TILE_VECTORS; v++)
        column[v] = load(b + v * LANES);
#pragma GCC unroll 16
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 2
        for (int v = 0; v < TILE_VECTORS; v++)
            sum[row][v] += a[row * a_stride] * column[v];
}

INLINE void multiply_rows(const int rows, int64_t k, const float *a, int64_t a_stride, const float *b, float *tile,
                          bool accumulate, const float *next_a)
{
    vec sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 2
        for (int v = 0; v < TILE_VECTORS; v++)
            sum[row][v] = accumulate ? load(tile + row * TILE_COLS + v * LANES) : splat(0);
    int64_t p = 0;
    for (; p + 16 <= k; p += 16) {
        for (int row = 0; row < rows; row++)
            __builtin_prefetch(next_a + row * a_stride + p, 0, 3);
        for (int64_t i = p; i < p + 16; i++, b += TILE_COLS)
            multiply_step(rows, a + i, a_stride, b, sum);
    }
    for (; p < k; p++, b += TILE_COLS)
        multiply_step(rows, a + p, a_stride, b, sum);
#pragma GCC unroll 16
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 2
        for (int v = 0; v < TILE_VECTORS; v++)
            store(tile + row * TILE_COLS + v * LANES, sum[row][v]);
}

static void multiply(int rows, int64_t k, const float *a, int64_t a_stride, const float *b, float *tile,
                     bool accumulate, const float *next_a)
{
#define CASE(n) case n: multiply_rows(n, k, a, a_stride, b, tile, accumulate, next_a); break
    switch (rows) {
    CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6);
#if TILE_ROWS > 6
    CASE(7); CASE(8); CASE(9); CASE(10); CASE(11); CASE(12); CASE(13); CASE(14);
#endif
    }
#undef CASE
}

/* One vector of a row; n == LANES, a constant, for whole ones. */
INLINE void finish_vector(fal_act act, const fal_finish *f, float scale, vec product, vec bias, vec slope,
                          const float *residual, float *y, int64_t n)
{
    vec v = product * scale + bias;
    vec add = !residual ? splat(0) : n == LANES ? load(residual) : load_part(residual, n, 0);
    v = f->act_after_residual ? activate(act, v + add, slope) : activate(act, v, slope) + add;
    if (n == LANES)
        store(y, v);
    else
        store_part(y, v, n);
}

INLINE void finish_column(fal_act act, const fal_finish *f, int rows, int64_t col, int64_t n, const float *tile,
                          int64_t tile_stride)
{
    vec bias = !f->bias ? splat(0) : n == LANES ? load(f->bias + col) : load_part(f->bias + col, n, 0);
    vec slope = !f->slope ? splat(0) : n == LANES ? load(f->slope + col) : load_part(f->slope + col, n, 0);
    for (int row = 0; row < rows; row++) {
        float scale = f->row_scale ? f->alpha * f->row_scale[row] : f->alpha;
        const float *residual = f->residual ? f->residual + row * f->residual_stride + col : NULL;
        const float *from = tile + row * tile_stride + col;
        vec product = n == LANES ? load(from) : load_part(from, n, 0);
        finish_vector(act, f, scale, product, bias, slope, residual, f->y + row * f->y_stride + col,
                      n);
    }
}

/* `act` is a constant at each call, so that the switch in activate disappears. */
INLINE void finish_with(fal_act act, const fal_finish *f, int rows, int64_t cols, const float *tile,
                        int64_t tile_stride)
{
    int64_t col = 0;
    for (; col + LANES <= cols; col += LANES)
        finish_column(act, f, rows, col, LANES, tile, tile_stride);
    if (col < cols)
        finish_column(act, f, rows, col, cols - col, tile, tile_stride);
}

static void finish(const fal_finish *f, int rows, int64_t cols, const float *tile, int64_t tile_stride)
{
    switch (f->act) {
    case FAL_ACT_NONE: finish_with(FAL_ACT_NONE, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_RELU: finish_with(FAL_ACT_RELU, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_GELU: finish_with(FAL_ACT_GELU, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_QUICK_GELU: finish_with(FAL_ACT_QUICK_GELU, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_SWISH: finish_with(FAL_ACT_SWISH, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_PRELU: finish_with(FAL_ACT_PRELU, f, rows, cols, tile, tile_stride); break;
    case FAL_ACT_TANH: finish_with(FAL_ACT_TANH, f, rows, cols, tile, tile_stride); break;
    }
}

/* ---- Winograd transforms ----------------------------------------------------------------------------------------- */

/* Interpolation points 0, +-3/4, 3/2 (and -3/2 for m = 4), infinity. All factors are exact in float32, and the error
 * was smallest of the point sets tried: 1.6 (m = 3) and 1.8 (m = 4) times that of the direct sum, rms over random
 * layers; the usual 0, +-1, +-2 has 3.4 times. */
INLINE void input_points(const int m, const vec *d, int stride, vec *v)
{
#define D(i) d[(i) * stride]
#define V(i) v[(i) * stride]
    if (m == 4) {
        vec d0 = D(0), d1 = D(1), d2 = D(2), d3 = D(3), d4 = D(4), d5 = D(5);
        vec even1 = d4 - d2 * 2.25f, odd1 = (d3 - d1 * 2.25f) * 0.75f;
        vec even2 = d4 - d2 * 0.5625f, odd2 = (d3 - d1 * 0.5625f) * 1.5f;
        V(0) = d0 * 1.265625f + (d4 - d2 * 2.8125f);
        V(1) = even1 + odd1;
        V(2) = even1 - odd1;
        V(3) = even2 + odd2;
        V(4) = even2 - odd2;
        V(5) = d1 * 1.265625f + (d5 - d3 * 2.8125f);
    } else {
        vec d0 = D(0), d1 = D(1), d2 = D(2), d3 = D(3), d4 = D(4);
        vec even = d3 - d2 * 1.5f, odd = (d2 - d1 * 1.5f) * 0.75f;
        V(0) = (d0 * 0.84375f - d1 * 0.5625f) + even;
        V(1) = even + odd;
        V(2) = even - odd;
        V(3) = d3 - d1 * 0.5625f;
        V(4) = (d1 * 0.84375f - d2 * 0.5625f) + (d4 - d3 * 1.5f);
    }
}

INLINE void output_points(const int m, const vec *d, int stride, vec *v)
{
    vec sum = D(1) + D(2), diff = D(1) - D(2);
    if (m == 4) {
        vec sum2 = D(3) + D(4), diff2 = D(3) - D(4), d0 = D(0), d5 = D(5);
        V(0) = d0 + sum + sum2;
        V(1) = diff * 0.75f + diff2 * 1.5f;
        V(2) = sum * 0.5625f + sum2 * 2.25f;
        V(3) = diff * 0.421875f + (diff2 * 3.375f + d5);
    } else {
        vec d0 = D(0), d3 = D(3), d4 = D(4);
        V(0) = d0 + sum + d3;
        V(1) = diff * 0.75f + d3 * 1.5f;
        V(2) = sum * 0.5625f + (d3 * 2.25f + d4);
    }
#undef D
#undef V
}

/* n channels from c on, at most a vector. `lines` of the input: m + 2, or 1 for a layer of one axis. */
INLINE void input_vector(const int m, const int lines, const float *const *pixels, int64_t c, int64_t n, float *v,
                         int64_t point_stride)
{
    const int t = m + 2;
    vec d[36];
#pragma GCC unroll 6
    for (int col = 0; col < t; col++) {
#pragma GCC unroll 6
        for (int line = 0; line < lines; line++) {
            const float *from = pixels[line * t + col] + c;
            d[line * t + col] = n == LANES ? load(from) : load_part(from, n, 0);
        }
        if (lines > 1)
            input_points(m, d + col, t, d + col);
    }
#pragma GCC unroll 6
    for (int line = 0; line < lines; line++) {
        input_points(m, d + line * t, 1, d + line * t);
#pragma GCC unroll 6
        for (int col = 0; col < t; col++)
            store(v + (line * t + col) * point_stride + c, d[line * t + col]);
    }
}

INLINE void input_tile(const int m, const int lines, const float *const *pixels, int64_t channels, float *v,
                       int64_t point_stride)
{
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        input_vector(m, lines, pixels, c, LANES, v, point_stride);
    if (c < channels)
        input_vector(m, lines, pixels, c, channels - c, v, point_stride);
}

static void winograd_input(int m, int axes, const float *const *pixels, int64_t channels, float *v,
                           int64_t point_stride)
{
    if (axes == 1)
        input_tile(4, 1, pixels, channels, v, point_stride);
    else if (m == 4)
        input_tile(4, 6, pixels, channels, v, point_stride);
    else
        input_tile(3, 5, pixels, channels, v, point_stride);
}

/* `lines` of points: m + 2, or 1. */
INLINE void output_tile(const int m, const int lines, const float *products, int64_t point_stride,
                        float tile[4][4 * TILE_COLS])
{
    const int t = m + 2, out_lines = lines > 1 ? m : 1;
    for (int v = 0; v < TILE_VECTORS; v++) {
        vec d[36];
#pragma GCC unroll 6
        for (int col = 0; col < t; col++) {
#pragma GCC unroll 6
            for (int line = 0; line < lines; line++)
                d[line * t + col] = load(products + (line * t + col) * point_stride + v * LANES);
            if (lines > 1)
                output_points(m, d + col, t, d + col);
        }
#pragma GCC unroll 4
        for (int line = 0; line < out_lines; line++) {
            output_points(m, d + line * t, 1, d + line * t);
#pragma GCC unroll 4
            for (int col = 0; col < m; col++)
                store(tile[line] + col * TILE_COLS + v * LANES, d[line * t + col]);
        }
    }
}

static void winograd_output(int m, int axes, const float *products, int64_t point_stride, int64_t panel_stride,
                            int64_t channels, const fal_finish *f, int lines, int cols, int64_t line_stride)
{
    float tile[4][4 * TILE_COLS];
    for (int64_t c = 0; c < channels; c += TILE_COLS, products += panel_stride) {
        if (axes == 1)
            output_tile(4, 1, products, point_stride, tile);
        else if (m == 4)
            output_tile(4, 6, products, point_stride, tile);
        else
            output_tile(3, 5, products, point_stride, tile);
        for (int line = 0; line < lines; line++) {
            fal_finish at = *f;
            at.bias = f->bias ? f->bias + c : NULL;
            at.slope = f->slope ? f->slope + c : NULL;
            at.residual = f->residual ? f->residual + line * line_stride + c : NULL;
            at.y = f->y + line * line_stride + c;
            finish(&at, cols, channels - c < TILE_COLS ? channels - c : TILE_COLS, tile[line], TILE_COLS);
        }
    }
}

static void widen_bf16(const uint16_t *in, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = fal_bf16_to_f32(in[i]);
}

#if LANES == 16 && defined(__AVX512F__)
INLINE vec load_f16(const uint16_t *p) { return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
#elif LANES == 8 && defined(__F16C__)
INLINE vec load_f16(const uint16_t *p) { return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
#else
#define WIDEN_BEFORE /* no such instruction: rows are widened before anything else */
#endif

/* ---- rows of numbers --------------------------------------------------------------------------------------------- */

INLINE void act_with(fal_act act, const float *x, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, activate(act, load_at(x, i, n), splat(0)), i, n);
}

static void act_row(fal_act act, const float *x, int64_t n, float *y)
{
    switch (act) {
    case FAL_ACT_NONE:
    case FAL_ACT_PRELU: memmove(y, x, (size_t)n * sizeof *y); break;
    case FAL_ACT_RELU: act_with(FAL_ACT_RELU, x, n, y); break;
    case FAL_ACT_GELU: act_with(FAL_ACT_GELU, x, n, y); break;
    case FAL_ACT_QUICK_GELU: act_with(FAL_ACT_QUICK_GELU, x, n, y); break;
    case FAL_ACT_SWISH: act_with(FAL_ACT_SWISH, x, n, y); break;
    case FAL_ACT_TANH: act_with(FAL_ACT_TANH, x, n, y); break;
    }
}

static void add(const float *a, const float *b, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, load_at(a, i, n) + load_at(b, i, n), i, n);
}

/* Products of a row with w go into several sums, for one would wait for itself. What is far enough ahead is asked for on
 * the way: rows are read from main memory, the next one lies behind this one, and asking for what is not there does no
 * harm. It goes to the second cache, which can wait for more lines at a time than the first. */
enum { SUMS = 4, STEP = SUMS * LANES, FETCH_AHEAD_BYTES = 8192 };

INLINE void fetch_ahead(const void *p, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        __builtin_prefetch((const char *)p + FETCH_AHEAD_BYTES + line, 0, 2);
}

INLINE float dot_end(const vec sums[SUMS], const float *x, const float *w, int64_t from, int64_t n)
{
    double sum = lanes_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (int64_t i = from; i < n; i++)
        sum += (double)(x[i] * w[i]);
    return (float)sum;
}

static void dot_rows(const float *x, int64_t rows, int64_t n, const float *w, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += n) {
        vec sums[SUMS] = {{0}};
        int64_t i = 0;
        for (; i + STEP <= n; i += STEP) {
            fetch_ahead(x + i, STEP * sizeof *x);
            for (int k = 0; k < SUMS; k++)
                sums[k] += load(x + i + k * LANES) * load(w + i + k * LANES);
        }
        y[r] = dot_end(sums, x, w, i, n);
    }
}

#ifdef WIDEN_BEFORE
static void widen_dot_rows(const uint16_t *half, int64_t rows, int64_t n, const float *w, float *x, float *y)
{
    fal_f16_to_f32_n(half, x, (size_t)(rows * n));
    dot_rows(x, rows, n, w, y);
}
#else
static void widen_dot_rows(const uint16_t *half, int64_t rows, int64_t n, const float *w, float *x, float *y)
{
    for (int64_t r = 0; r < rows; r++, half += n, x += n) {
        vec sums[SUMS] = {{0}};
        int64_t i = 0;
        for (; i + STEP <= n; i += STEP) {
            fetch_ahead(half + i, STEP * sizeof *half);
            for (int k = 0; k < SUMS; k++) {
                const vec wide = load_f16(half + i + k * LANES);
                store(x + i + k * LANES, wide);
                sums[k] += wide * load(w + i + k * LANES);
            }
        }
        fal_f16_to_f32_n(half + i, x + i, (size_t)(n - i));
        y[r] = dot_end(sums, x, w, i, n);
    }
}
#endif

INLINE void add_some(int rows, const float *x, int64_t n, const float *scales, float *y)
{
    vec by[4];
    int64_t i = 0;
    for (int r = 0; r < rows; r++)
        by[r] = splat(scales[r]);
    for (; i + LANES <= n; i += LANES) {
        vec sum = load(y + i);
        for (int r = 0; r < rows; r++)
            sum += load(x + r * n + i) * by[r];
        store(y + i, sum);
    }
    for (; i < n; i++)
        for (int r = 0; r < rows; r++)
            y[i] += x[r * n + i] * scales[r];
}

static void add_rows(const float *x, int64_t rows, int64_t n, const float *scales, float *y)
{
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        add_some(4, x + r * n, n, scales + r, y);
    for (; r < rows; r++)
        add_some(1, x + r * n, n, scales + r, y);
}

/* The exponent is held where e^-g would overflow: the quotient is then below x * 1e-38. */
static void gate(const float *x, const float *gates, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, load_at(x, i, n) / (1.0f + vexp(load_at(gates, i, n) * -1.0f)), i, n);
}

static void add_scaled(const float *x, float scale, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, load_at(x, i, n) * scale + load_at(y, i, n), i, n);
}

static void affine(const float *x, const float *scale, const float *shift, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, load_at(x, i, n) * load_at(scale, i, n) + load_at(shift, i, n), i, n);
}

static void multiply_add(const float *a, const float *b, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, load_at(a, i, n) * load_at(b, i, n) + load_at(y, i, n), i, n);
}

static void max_into(const float *x, int64_t n, float *y)
{
    FOR_VECTORS(i, n)
        store_at(y, vmax(load_at(y, i, n), load_at(x, i, n)), i, n);
}

static double row_sum(const float *x, int64_t n)
{
    vec sum = splat(0);
    FOR_VECTORS(i, n)
        sum += load_at(x, i, n);
    return lanes_sum(sum);
}

/* Of a row: mean in two parts, and 1 / sqrt(variance + eps). */
typedef struct moments {
    float mean, shift, scale;
} moments;

/* Two passes; the second also measures how far the rounded mean is off. */
INLINE moments row_moments(const float *x, int64_t dim, double eps)
{
    float mean = (float)(row_sum(x, dim) / (double)dim);
    vec off = splat(0), squares = splat(0);
    int64_t whole = dim - dim % LANES;
    for (int64_t i = 0; i < whole; i += LANES) {
        vec d = load(x + i) - mean;
        off += d;
        squares += d * d;
    }
    double off_sum = lanes_sum(off), square_sum = lanes_sum(squares);
    for (int64_t i = whole; i < dim; i++) {
        double d = (double)(x[i] - mean);
        off_sum += d;
        square_sum += d * d;
    }
    double delta = off_sum / (double)dim;
    return (moments){mean, (float)delta, (float)(1 / sqrt(fmax(square_sum / (double)dim - delta * delta, 0) + eps))};
}

static void layer_norm(const float *x, int64_t dim, const float *gamma, const float *beta, double eps, float *y)
{
    moments m = row_moments(x, dim, eps);
    FOR_VECTORS(i, dim) {
        vec v = ((load_at(x, i, dim) - m.mean) - m.shift) * m.scale;
        if (gamma)
            v *= load_at(gamma, i, dim);
        if (beta)
            v += load_at(beta, i, dim);
        store_at(y, v, i, dim);
    }
}

static float normalise(const float *x, int64_t dim, double eps, float *y)
{
    moments m = row_moments(x, dim, eps);
    FOR_VECTORS(i, dim)
        store_at(y, ((load_at(x, i, dim) - m.mean) - m.shift) * m.scale, i, dim);
    return m.scale;
}

/* g = dy gamma, n = normalised: dx = scale * (g - mean(g) - n mean(g n)). */
static void layer_norm_backward(const float *normalised, float scale, int64_t dim, const float *gamma, const float *dy,
                                bool accumulate, float *dx)
{
    vec sum = splat(0), along = splat(0);
    FOR_VECTORS(i, dim) {
        vec g = load_at(dy, i, dim) * (gamma ? load_at(gamma, i, dim) : splat(1));
        sum += g;
        along += g * load_at(normalised, i, dim);
    }
    float mean = (float)(lanes_sum(sum) / (double)dim), slope = (float)(lanes_sum(along) / (double)dim);
    FOR_VECTORS(i, dim) {
        vec g = load_at(dy, i, dim) * (gamma ? load_at(gamma, i, dim) : splat(1));
        vec v = (g - mean - load_at(normalised, i, dim) * slope) * scale;
        store_at(dx, accumulate ? load_at(dx, i, dim) + v : v, i, dim);
    }
}

static void relu_backward(const float *x, const float *dy, int64_t n, float *dx)
{
    FOR_VECTORS(i, n)
        store_at(dx, pick(load_at(x, i, n) > splat(0), load_at(dy, i, n), splat(0)), i, n);
}

static void gelu_backward(const float *x, const float *dy, int64_t n, float *dx)
{
    FOR_VECTORS(i, n)
        store_at(dx, load_at(dy, i, n) * vgelu_slope(load_at(x, i, n)), i, n);
}

static void softmax_backward(float *p, float sum, float scale, int64_t n, float *dp)
{
    const float share = 1 / sum;
    vec along = splat(0);
    FOR_VECTORS(i, n) {
        vec v = load_at(p, i, n) * share;
        store_at(p, v, i, n);
        along += v * load_at(dp, i, n);
    }
    const float mean = (float)lanes_sum(along);
    FOR_VECTORS(i, n)
        store_at(dp, load_at(p, i, n) * (load_at(dp, i, n) - mean) * scale, i, n);
}

static float softmax(float *x, int64_t n)
{
    vec top = splat(-FLT_MAX);
    FOR_VECTORS(i, n)
        top = vmax(top, n - i >= LANES ? load(x + i) : load_part(x + i, n - i, -FLT_MAX));
    float most = -FLT_MAX;
    for (int lane = 0; lane < LANES; lane++)
        most = top[lane] > most ? top[lane] : most;
    vec sum = splat(0);
    FOR_VECTORS(i, n) {
        vec e = vexp((n - i >= LANES ? load(x + i) : load_part(x + i, n - i, -FLT_MAX)) - most);
        sum += e; /* filler lanes add e^-87.3, which no sum >= 1 can notice */
        store_at(x, e, i, n);
    }
    return (float)lanes_sum(sum);
}

static double sum_squares(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

const fal_kernels TABLE = {
    .name = TABLE_NAME,
    .mr = TILE_ROWS,
    .nr = TILE_COLS,
    .multiply = multiply,
    .finish = finish,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .widen_bf16 = widen_bf16,
    .act = act_row,
    .add = add,
    .dot_rows = dot_rows,
    .widen_dot_rows = widen_dot_rows,
    .add_rows = add_rows,
    .gate = gate,
    .add_scaled = add_scaled,
    .affine = affine,
    .multiply_add = multiply_add,
    .max_into = max_into,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .normalise = normalise,
    .relu_backward = relu_backward,
    .gelu_backward = gelu_backward,
    .softmax_backward = softmax_backward,
    .softmax = softmax,
    .sum_squares = sum_squares,
};
