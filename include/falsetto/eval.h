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

/* ---- operating points ------------------------------------------------------------------------------------------------
 * Over the vertices that fal_roc gives. */

/* Largest true-positive rate at a false-positive rate of `fpr` or less, over the vertices themselves. */
FAL_API double fal_tpr_at_fpr(const fal_roc_point *points, size_t count, double fpr);
/* The same on straight lines between vertices: the largest rate where a vertex lies at `fpr` exactly. */
FAL_API double fal_tpr_at_fpr_interpolated(const fal_roc_point *points, size_t count, double fpr);
/* Smallest false-positive rate at a true-positive rate of `tpr` or more. */
FAL_API double fal_fpr_at_tpr(const fal_roc_point *points, size_t count, double tpr);
/* The score with the best balanced accuracy (largest TPR - FPR, Youden's J), the highest such; a clip counts as fake at
 * that score or more. */
FAL_API double fal_best_threshold(const fal_roc_point *points, size_t count);

typedef struct fal_confusion {
    size_t true_positives, false_positives, false_negatives, true_negatives;
    double accuracy;
    double precision;         /* 0 when nothing is called fake */
    double recall;            /* 0 without a fake */
    double f1;                /* 2 TP / (2 TP + FP + FN), 0 when that is 0 / 0 */
    double balanced_accuracy; /* NaN with a single class */
} fal_confusion;
/* Fake is what scores `threshold` or more. */
FAL_API void fal_confusion_at(const double *scores, const uint8_t *labels, size_t count, double threshold,
                              fal_confusion *out);

/* ---- calibration and uncertainty --------------------------------------------------------------------------------- */

/* Expected and largest calibration error of P = sigmoid(2 s) over `bins` equal bins of P (Naeini et al. 2015, for the
 * probability of the positive class): per bin |mean label - mean P|, weighted by its share of clips. */
FAL_API fal_status fal_calibration_error(const double *scores, const uint8_t *labels, size_t count, int bins,
                                         double *expected, double *largest, fal_error *err);

typedef struct fal_interval {
    double low, high;
} fal_interval;

typedef struct fal_bootstrap_options {
    int resamples; /* 0: 2000 */
    uint64_t seed; /* 0: 1 */
    double level;  /* 0: 0.95 */
} fal_bootstrap_options;
/* Percentile interval of the AUC when clips are drawn anew with replacement, fakes and reals separately (Efron and
 * Tibshirani 1993). Needs both classes. options may be NULL. The same numbers for the same seed. */
FAL_API fal_status fal_bootstrap_auc(const double *scores, const uint8_t *labels, size_t count,
                                     const fal_bootstrap_options *options, fal_interval *out, fal_error *err);

/* P(fake) of a logit under the pair (-s, s): sigmoid(2 s), without overflow. */
FAL_API double fal_probability(double logit);

#ifdef __cplusplus
}
#endif
#endif
