/* Ranking and probability metrics. Formulas: ROC after Fawcett, "An introduction to ROC analysis" (2006); average
 * precision and the vertex rules as scikit-learn's roc_curve (drop_intermediate off) and average_precision_score. */
#include "core/alloc.h"
#include "core/status.h"

#include <falsetto/eval.h>

#include <math.h>
#include <stdlib.h>

typedef struct sample {
    double score;
    uint8_t label;
} sample;

/* Totals after each group of equal scores, walking from the highest score down. */
typedef struct group {
    double score;
    size_t true_positives, false_positives; /* with this score or higher */
} group;

double fal_probability(double logit)
{
    double e = exp(-2.0 * fabs(logit));
    return logit >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static int by_score_descending(const void *a, const void *b)
{
    double x = ((const sample *)a)->score, y = ((const sample *)b)->score;
    return (x < y) - (x > y);
}

/* Sorts and groups; *groups holds *count entries and is the caller's. */
static fal_status make_groups(const double *scores, const uint8_t *labels, size_t n, group **groups, size_t *count,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    sample *sorted = NULL;
    group *out = NULL;
    size_t used = 0, tp = 0, fp = 0;
    FAL_ALLOC(sorted, fal_malloc_array(n, sizeof *sorted));
    FAL_ALLOC(out, fal_malloc_array(n, sizeof *out));
    for (size_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            FAL_FAIL(FAL_ERR_ARGUMENT, "score %zu of %zu is not a number", i + 1, n);
        if (labels[i] > 1)
            FAL_FAIL(FAL_ERR_ARGUMENT, "label %zu of %zu is %d, expected 0 or 1", i + 1, n, labels[i]);
        sorted[i] = (sample){scores[i], labels[i]};
    }
    qsort(sorted, n, sizeof *sorted, by_score_descending);
    for (size_t i = 0; i < n; i++) {
        tp += sorted[i].label;
        fp += !sorted[i].label;
        if (i + 1 == n || sorted[i + 1].score != sorted[i].score)
            out[used++] = (group){sorted[i].score, tp, fp};
    }
    *groups = out, out = NULL;
    *count = used;
done:
    fal_free(sorted);
    fal_free(out);
    return st;
}

static double area_under_curve(const group *g, size_t count)
{
    double pairs = 0, tp = 0, fp = 0;
    for (size_t i = 0; i < count; i++) {
        pairs += ((double)g[i].false_positives - fp) * ((double)g[i].true_positives + tp) / 2;
        tp = (double)g[i].true_positives;
        fp = (double)g[i].false_positives;
    }
    return pairs / (tp * fp);
}

static double average_precision(const group *g, size_t count)
{
    double sum = 0, previous = 0, total = (double)g[count - 1].true_positives;
    for (size_t i = 0; i < count; i++) {
        double tp = (double)g[i].true_positives;
        sum += (tp - previous) / total * (tp / (tp + (double)g[i].false_positives));
        previous = tp;
    }
    return sum;
}

static void equal_error_rate(const group *g, size_t count, fal_metrics *out)
{
    double positives = (double)g[count - 1].true_positives, negatives = (double)g[count - 1].false_positives;
    double fpr0 = 0, fnr0 = 1, best = 1; /* the first vertex, threshold +inf: |0 - 1| */
    out->eer = NAN;
    out->eer_threshold = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double fpr = (double)g[i].false_positives / negatives, fnr = 1 - (double)g[i].true_positives / positives;
        if (fabs(fpr - fnr) < best) {
            best = fabs(fpr - fnr);
            out->eer_threshold = g[i].score;
        }
        if (isnan(out->eer) && fpr >= fnr) {
            double a = fpr == fnr ? 1 : (fnr0 - fpr0) / ((fpr - fpr0) - (fnr - fnr0));
            out->eer = fpr == fnr ? fpr : fpr0 + a * (fpr - fpr0);
        }
        fpr0 = fpr;
        fnr0 = fnr;
    }
}

static void probability_metrics(const double *scores, const uint8_t *labels, size_t n, fal_metrics *out)
{
    double loss = 0, brier = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        double gap = fal_probability(scores[i]) - labels[i];
        loss += isinf(scores[i]) ? NAN : softplus(labels[i] ? -2 * scores[i] : 2 * scores[i]);
        brier += gap * gap;
        right += (scores[i] >= 0) == labels[i];
    }
    out->log_loss = loss / (double)n;
    out->brier = brier / (double)n;
    out->accuracy = right / (double)n;
}

fal_status fal_evaluate(const double *scores, const uint8_t *labels, size_t count, fal_metrics *out, fal_error *err)
{
    fal_status st = FAL_OK;
    group *groups = NULL;
    size_t group_count = 0;
    fal_metrics m = {.count = count, .auc = NAN, .ap = NAN, .eer = NAN, .eer_threshold = NAN};
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to evaluate");
    FAL_TRY(make_groups(scores, labels, count, &groups, &group_count, err));
    m.fakes = groups[group_count - 1].true_positives;
    m.reals = groups[group_count - 1].false_positives;
    if (m.fakes)
        m.ap = average_precision(groups, group_count);
    if (m.fakes && m.reals) {
        m.auc = area_under_curve(groups, group_count);
        equal_error_rate(groups, group_count, &m);
    }
    probability_metrics(scores, labels, count, &m);
    *out = m;
done:
    fal_free(groups);
    return st;
}

fal_status fal_roc(const double *scores, const uint8_t *labels, size_t count, fal_roc_point **points,
                   size_t *point_count, fal_error *err)
{
    fal_status st = FAL_OK;
    group *groups = NULL;
    fal_roc_point *out = NULL;
    size_t n = 0;
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to draw a curve from");
    FAL_TRY(make_groups(scores, labels, count, &groups, &n, err));
    double positives = (double)groups[n - 1].true_positives, negatives = (double)groups[n - 1].false_positives;
    if (positives == 0 || negatives == 0)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a ROC curve needs real and fake clips; all %zu are %s", count,
                 positives > 0 ? "fake" : "real");
    FAL_ALLOC(out, fal_malloc_array(n + 1, sizeof *out));
    out[0] = (fal_roc_point){0, 0, INFINITY};
    for (size_t i = 0; i < n; i++)
        out[i + 1] = (fal_roc_point){(double)groups[i].false_positives / negatives,
                                     (double)groups[i].true_positives / positives, groups[i].score};
    *points = out;
    *point_count = n + 1;
done:
    fal_free(groups);
    return st;
}

void fal_roc_free(fal_roc_point **points)
{
    if (points)
        fal_release(points);
}
