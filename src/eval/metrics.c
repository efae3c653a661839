/* Ranking and probability metrics. Formulas: ROC after Fawcett, "An introduction to ROC analysis" (2006); average
 * precision and the vertex rules as scikit-learn's roc_curve (drop_intermediate off) and average_precision_score. */
#include "core/alloc.h"
#include "eval/ranking.h"

#include <falsetto/eval.h>

#include <math.h>

double fal_probability(double logit)
{
    double e = exp(-2.0 * fabs(logit));
    return logit >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double area_under_curve(const fal_score_group *g, size_t count)
{
    double pairs = 0, tp = 0, fp = 0;
    for (size_t i = 0; i < count; i++) {
        pairs += ((double)g[i].false_positives - fp) * ((double)g[i].true_positives + tp) / 2;
        tp = (double)g[i].true_positives;
        fp = (double)g[i].false_positives;
    }
    return pairs / (tp * fp);
}

static double average_precision(const fal_score_group *g, size_t count)
{
    double sum = 0, previous = 0, total = (double)g[count - 1].true_positives;
    for (size_t i = 0; i < count; i++) {
        double tp = (double)g[i].true_positives;
        sum += (tp - previous) / total * (tp / (tp + (double)g[i].false_positives));
        previous = tp;
    }
    return sum;
}

static void equal_error_rate(const fal_score_group *g, size_t count, fal_metrics *out)
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

void fal_probability_metrics(const double *scores, const uint8_t *labels, size_t n, fal_metrics *out)
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

void fal_ranking_metrics(const fal_score_group *groups, size_t count, fal_metrics *out)
{
    fal_metrics m = {.auc = NAN, .ap = NAN, .eer = NAN, .eer_threshold = NAN};
    m.fakes = groups[count - 1].true_positives;
    m.reals = groups[count - 1].false_positives;
    m.count = m.fakes + m.reals;
    if (m.fakes)
        m.ap = average_precision(groups, count);
    if (m.fakes && m.reals) {
        m.auc = area_under_curve(groups, count);
        equal_error_rate(groups, count, &m);
    }
    *out = m;
}

/* Equal scores share their part in the AUC (delong.c), so the sums over clips are sums over groups. */
double fal_group_auc_variance(const fal_score_group *groups, size_t count, double auc)
{
    double fakes = (double)groups[count - 1].true_positives, reals = (double)groups[count - 1].false_positives;
    double tp = 0, fp = 0, fake_sum = 0, real_sum = 0;
    if (fakes < 2 || reals < 2)
        return NAN;
    for (size_t g = 0; g < count; g++) {
        double m = (double)groups[g].true_positives - tp, n = (double)groups[g].false_positives - fp;
        double beaten = 1 - (fp + n / 2) / reals - auc, beaten_by = (tp + m / 2) / fakes - auc;
        fake_sum += m * beaten * beaten;
        real_sum += n * beaten_by * beaten_by;
        tp += m;
        fp += n;
    }
    return fake_sum / (fakes - 1) / fakes + real_sum / (reals - 1) / reals;
}

fal_status fal_evaluate(const double *scores, const uint8_t *labels, size_t count, fal_metrics *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_group *groups = NULL;
    size_t group_count = 0;
    fal_metrics m;
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to evaluate");
    FAL_TRY(fal_score_groups(scores, labels, count, &groups, &group_count, err));
    fal_ranking_metrics(groups, group_count, &m);
    fal_probability_metrics(scores, labels, count, &m);
    *out = m;
done:
    fal_free(groups);
    return st;
}

fal_status fal_roc(const double *scores, const uint8_t *labels, size_t count, fal_roc_point **points,
                   size_t *point_count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_group *groups = NULL;
    fal_roc_point *out = NULL;
    size_t n = 0;
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to draw a curve from");
    FAL_TRY(fal_score_groups(scores, labels, count, &groups, &n, err));
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
