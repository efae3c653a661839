/* Isotonic regression of the labels on Platt's argument x (which knows the clip's length) by pooling adjacent
 * violators: among all rising functions of x the one nearest to the labels (Ayer et al. 1955; Zadrozny and Elkan 2002).
 * Labels are Platt's targets, so that P never reaches 0 or 1. Each pool becomes a knot at its mean x; between knots P
 * is a straight line, which keeps the order of clips. */
#include "core/alloc.h"
#include "core/sort.h"
#include "head/head.h"

#include <math.h>
#include <string.h>

/* Neighbouring clips with one P. */
typedef struct pool {
    double weight, p;   /* number of clips, mean target */
    double first, last; /* their arguments */
} pool;

enum { MOST_POOLS = FAL_CALIBRATION_KNOTS / 2 };
#define ROUNDING 1e-12 /* means of the same targets differ by less */

static pool unite(pool a, pool b)
{
    const double weight = a.weight + b.weight;
    return (pool){weight, (a.weight * a.p + b.weight * b.p) / weight, a.first, b.last};
}

/* Clips in order of x; equal x are one pool from the start. */
static size_t make_pools(const double *x, const double *targets, const size_t *order, size_t count, pool *pools)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const double at = x[order[i]];
        pool next = {1, targets[order[i]], at, at};
        const bool last_of_equals = i + 1 == count || x[order[i + 1]] != at;
        if (used && pools[used - 1].last == at)
            next = unite(pools[--used], next);
        while (used && last_of_equals && pools[used - 1].p >= next.p - ROUNDING)
            next = unite(pools[--used], next);
        pools[used++] = next;
    }
    return used;
}

/* Unites the neighbours that differ least until there is room for all. */
static size_t thin_out(pool *pools, size_t count)
{
    for (; count > MOST_POOLS; count--) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++)
            if (pools[i + 1].p - pools[i].p < pools[best + 1].p - pools[best].p)
                best = i;
        pools[best] = unite(pools[best], pools[best + 1]);
        memmove(&pools[best + 1], &pools[best + 2], (count - best - 2) * sizeof *pools);
    }
    return count;
}

static void set_knots(const pool *pools, size_t count, fal_calibration *c)
{
    int knots = 0;
    for (size_t i = 0; i < count; i++)
        for (int end = 0; end < (pools[i].last > pools[i].first ? 2 : 1); end++) {
            c->knot_x[knots] = end ? pools[i].last : pools[i].first;
            c->knot_p[knots++] = pools[i].p;
        }
    c->knot_count = knots;
}

fal_status fal_calibrate_isotonic(const fal_labelled_scores *clips, fal_calibration *c, fal_error *err)
{
    fal_status st = FAL_OK;
    double *x = NULL, *targets = NULL;
    size_t *order = NULL, per_class[2] = {0};
    pool *pools = NULL;
    const size_t n = clips->count;
    FAL_ALLOC(x, fal_malloc_array(n, sizeof *x));
    FAL_ALLOC(targets, fal_malloc_array(n, sizeof *targets));
    FAL_ALLOC(order, fal_malloc_array(n, sizeof *order));
    FAL_ALLOC(pools, fal_malloc_array(n, sizeof *pools));
    for (size_t i = 0; i < n; i++)
        per_class[clips->labels[i] != 0]++;
    for (size_t i = 0; i < n; i++) {
        x[i] = fal_calibration_argument(c, clips->scores[i], clips->frames[i]);
        targets[i] = fal_platt_target(clips->labels[i] != 0, per_class[clips->labels[i] != 0]);
    }
    FAL_TRY(fal_order_f64(x, n, order, err));
    set_knots(pools, thin_out(pools, make_pools(x, targets, order, n, pools)), c);
done:
    fal_free(x);
    fal_free(targets);
    fal_free(order);
    fal_free(pools);
    return st;
}
