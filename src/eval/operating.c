/* Points of a ROC curve, and what happens at one threshold. */
#include "core/alloc.h"
#include "eval/ranking.h"

#include <falsetto/eval.h>

double fal_tpr_at_fpr(const fal_roc_point *points, size_t count, double fpr)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        if (points[i].fpr <= fpr && points[i].tpr > best)
            best = points[i].tpr;
    return best;
}

double fal_group_tpr_at_fpr(const fal_score_group *groups, size_t count, double fpr)
{
    double fakes = (double)groups[count - 1].true_positives, reals = (double)groups[count - 1].false_positives,
           best = 0;
    for (size_t g = 0; g < count && (double)groups[g].false_positives / reals <= fpr; g++)
        best = (double)groups[g].true_positives / fakes;
    return best;
}

double fal_tpr_at_fpr_interpolated(const fal_roc_point *points, size_t count, double fpr)
{
    size_t next = 0; /* the first vertex beyond fpr; rates never fall from one vertex to the next */
    while (next < count && points[next].fpr <= fpr)
        next++;
    if (next == 0)
        return 0;
    const fal_roc_point *before = &points[next - 1];
    if (next == count || before->fpr == fpr)
        return before->tpr;
    double share = (fpr - before->fpr) / (points[next].fpr - before->fpr);
    return before->tpr + share * (points[next].tpr - before->tpr);
}

double fal_fpr_at_tpr(const fal_roc_point *points, size_t count, double tpr)
{
    for (size_t i = 0; i < count; i++)
        if (points[i].tpr >= tpr)
            return points[i].fpr;
    return 1;
}

double fal_best_threshold(const fal_roc_point *points, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (points[i].tpr - points[i].fpr > points[best].tpr - points[best].fpr)
            best = i;
    return points[best].threshold;
}

fal_status fal_choose_threshold(const double *scores, const uint8_t *labels, size_t count, fal_threshold_rule rule,
                                double *threshold, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_roc_point *points = NULL;
    size_t n = 0;
    fal_metrics m;
    FAL_TRY(fal_roc(scores, labels, count, &points, &n, err));
    if (rule == FAL_THRESHOLD_EER)
        FAL_TRY(fal_evaluate(scores, labels, count, &m, err));
    *threshold = rule == FAL_THRESHOLD_EER ? m.eer_threshold : fal_best_threshold(points, n);
done:
    fal_roc_free(&points);
    return st;
}

void fal_confusion_at(const double *scores, const uint8_t *labels, size_t count, double threshold, fal_confusion *out)
{
    fal_confusion c = {0};
    for (size_t i = 0; i < count; i++) {
        bool fake = scores[i] >= threshold;
        c.true_positives += fake && labels[i];
        c.false_positives += fake && !labels[i];
        c.false_negatives += !fake && labels[i];
        c.true_negatives += !fake && !labels[i];
    }
    double tp = (double)c.true_positives, fp = (double)c.false_positives;
    double fn = (double)c.false_negatives, tn = (double)c.true_negatives;
    c.accuracy = (tp + tn) / (double)count;
    c.precision = tp + fp > 0 ? tp / (tp + fp) : 0;
    c.recall = tp + fn > 0 ? tp / (tp + fn) : 0;
    c.f1 = tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
    c.balanced_accuracy = (tp / (tp + fn) + tn / (tn + fp)) / 2;
    *out = c;
}
