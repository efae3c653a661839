#include "eval/ranking.h"

#include "core/alloc.h"
#include "core/sort.h"

#include <math.h>

static fal_status check(const double *scores, const uint8_t *labels, size_t n, fal_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            return fal_fail(err, FAL_ERR_ARGUMENT, "score %zu of %zu is not a number", i + 1, n);
        if (labels[i] > 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "label %zu of %zu is %d, expected 0 or 1", i + 1, n, labels[i]);
    }
    return FAL_OK;
}

fal_status fal_score_groups(const double *scores, const uint8_t *labels, size_t n, fal_score_group **groups,
                            size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t *order = NULL, used = 0, tp = 0, fp = 0;
    fal_score_group *out = NULL;
    FAL_TRY(check(scores, labels, n, err));
    FAL_ALLOC(order, fal_malloc_array(n, sizeof *order));
    FAL_ALLOC(out, fal_malloc_array(n, sizeof *out));
    FAL_TRY(fal_order_f64(scores, n, order, err));
    for (size_t i = n; i-- > 0;) {
        double score = scores[order[i]];
        tp += labels[order[i]];
        fp += !labels[order[i]];
        if (i == 0 || scores[order[i - 1]] != score)
            out[used++] = (fal_score_group){score, tp, fp};
    }
    *groups = out, out = NULL;
    *count = used;
done:
    fal_free(order);
    fal_free(out);
    return st;
}

fal_status fal_average_ranks(const double *values, size_t n, double *ranks, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t *order = NULL, next;
    FAL_ALLOC(order, fal_malloc_array(n, sizeof *order));
    FAL_TRY(fal_order_f64(values, n, order, err));
    for (size_t first = 0; first < n; first = next) {
        for (next = first; next < n && values[order[next]] == values[order[first]]; next++)
            ;
        double rank = ((double)first + 1 + (double)next) / 2;
        for (size_t i = first; i < next; i++)
            ranks[order[i]] = rank;
    }
done:
    fal_free(order);
    return st;
}
