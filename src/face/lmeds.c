/* Float32 where OpenCV has it: which points count as fitting can hang on the last bit. */
#include "face/lmeds.h"

#include <math.h>
#include <stddef.h>

enum { PAIRS = 13 };

/* Pairs of points in the order OpenCV tries them. Its generator has a fixed seed and 13 is how many it takes for a
 * confidence of 99 % with 45 % outliers, so they depend on nothing but the number of points. */
static const uint8_t pairs_of_8[PAIRS][2] = {{5, 4}, {4, 5}, {7, 0}, {5, 0}, {5, 6}, {1, 2}, {2, 1},
                                             {2, 7}, {6, 0}, {6, 0}, {0, 3}, {3, 0}, {1, 0}};
static const uint8_t pairs_of_4[PAIRS][2] = {{1, 0}, {0, 1}, {3, 0}, {1, 0}, {1, 2}, {1, 2}, {2, 1},
                                             {2, 3}, {2, 0}, {2, 0}, {0, 3}, {3, 0}, {1, 0}};

/* The points as OpenCV sees them: rounded to float32. */
typedef struct cloud {
    int n;
    double from[FAL_LMEDS_MAX][2], to[FAL_LMEDS_MAX][2];
} cloud;

static cloud round_points(const double (*from)[2], const double (*to)[2], int n)
{
    cloud c = {.n = n};
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            c.from[i][k] = (float)from[i][k];
            c.to[i][k] = (float)to[i][k];
        }
    }
    return c;
}

/* The similarity through points i and j; false when they coincide. */
static bool through_pair(const cloud *c, int i, int j, fal_affine *out)
{
    const double x = c->from[i][0] - c->from[j][0], y = c->from[i][1] - c->from[j][1];
    const double u = c->to[i][0] - c->to[j][0], v = c->to[i][1] - c->to[j][1];
    if (x == 0 && y == 0)
        return false;
    const double per_square = 1 / (x * x + y * y);
    const double a = per_square * (u * x + v * y), b = per_square * (v * x - u * y);
    *out = (fal_affine){{a, -b, c->to[i][0] - (a * c->from[i][0] - b * c->from[i][1]), //
                         b, a, c->to[i][1] - (b * c->from[i][0] + a * c->from[i][1])}};
    return true;
}

static void squared_errors(const cloud *c, const fal_affine *model, float *errors)
{
    float m[6];
    for (int k = 0; k < 6; k++)
        m[k] = (float)model->m[k];
    for (int i = 0; i < c->n; i++) {
        const float x = (float)c->from[i][0], y = (float)c->from[i][1];
        const float dx = m[0] * x + m[1] * y + m[2] - (float)c->to[i][0];
        const float dy = m[3] * x + m[4] * y + m[5] - (float)c->to[i][1];
        errors[i] = dx * dx + dy * dy;
    }
}

/* Element n/2 of the sorted errors. */
static float median(const float *errors, int n)
{
    float sorted[FAL_LMEDS_MAX];
    for (int i = 0; i < n; i++) {
        int k = i;
        for (; k > 0 && sorted[k - 1] > errors[i]; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = errors[i];
    }
    return sorted[n / 2];
}

/* The first of the models with the smallest median, which may be infinite: no model. */
static double best_model(const cloud *c, fal_affine *best)
{
    const uint8_t(*pairs)[2] = c->n == 8 ? pairs_of_8 : pairs_of_4;
    double least = INFINITY;
    for (int p = 0; p < PAIRS; p++) {
        fal_affine model;
        float errors[FAL_LMEDS_MAX];
        if (!through_pair(c, pairs[p][0], pairs[p][1], &model))
            continue;
        squared_errors(c, &model, errors);
        const double score = median(errors, c->n);
        if (score < least) {
            least = score;
            *best = model;
        }
    }
    return least;
}

/* 1.4826 turns a median into a standard deviation for normal errors, the bracket corrects it for few points. */
static float largest_error(double least_median, int n)
{
    const double s = 2.5 * 1.4826 * (1 + 5.0 / (n - 2)) * sqrt(least_median);
    const double limit = s > 0.001 ? s : 0.001;
    return (float)(limit * limit);
}

bool fal_similarity_lmeds(const double (*from)[2], const double (*to)[2], int n, fal_affine *out, uint8_t *inliers)
{
    const cloud c = round_points(from, to, n);
    fal_affine model;
    float errors[FAL_LMEDS_MAX];
    double used_from[FAL_LMEDS_MAX][2], used_to[FAL_LMEDS_MAX][2];
    int used = 0;
    const double least = best_model(&c, &model);
    if (!isfinite(least))
        return false;
    const float limit = largest_error(least, n);
    squared_errors(&c, &model, errors);
    for (int i = 0; i < n; i++) {
        if (!(inliers[i] = errors[i] <= limit))
            continue;
        for (int k = 0; k < 2; k++) {
            used_from[used][k] = c.from[i][k];
            used_to[used][k] = c.to[i][k];
        }
        used++;
    }
    *out = fal_similarity_fit((const double(*)[2])used_from, (const double(*)[2])used_to, used);
    return true;
}
