/* Detection metrics: scores and labels in, numbers out. Label 1 = fake (positive); a higher score means more fake.
 * All arithmetic is in double. Only exactly equal scores tie. A NaN score is an error; infinite scores rank
 * normally. */
#ifndef FALSETTO_EVAL_H
#define FALSETTO_EVAL_H

#include <falsetto/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One vertex of the ROC curve; the first is (0, 0, +inf), then one per distinct score in descending order. */
typedef struct fal_roc_point {
    double fpr, tpr, threshold;
} fal_roc_point;

typedef struct fal_metrics {
    size_t count, fakes, reals;
    double auc;            /* pairs ranked right, ties half (Fawcett 2006); NaN with a single class */
    double ap;             /* sum of recall steps times precision, no interpolation; NaN without a fake */
    double eer;            /* equal error rate, linear between ROC vertices; NaN with a single class */
    double eer_threshold;  /* score of the vertex with the smallest |FPR - FNR| */
    double accuracy;       /* at score >= 0, the probe's own boundary P(fake) = 0.5 */
    double log_loss;       /* mean softplus of the logit pair (-s, s); NaN with infinite scores */
    double brier;          /* mean (P - y)^2 with P = sigmoid(2 s) */
} fal_metrics;

FAL_API fal_status fal_evaluate(const double *scores, const uint8_t *labels, size_t count, fal_metrics *out,
                                fal_error *err);

/* *points is the caller's, freed with fal_roc_free. Needs both classes. */
FAL_API fal_status fal_roc(const double *scores, const uint8_t *labels, size_t count, fal_roc_point **points,
                           size_t *point_count, fal_error *err);
FAL_API void fal_roc_free(fal_roc_point **points);

/* P(fake) of a logit under the pair (-s, s): sigmoid(2 s), without overflow. */
FAL_API double fal_probability(double logit);

#ifdef __cplusplus
}
#endif
#endif
