/* Detection metrics: scores and labels in, numbers out. Label 1 = fake (positive); a higher score means more fake.
 * All arithmetic is in double. Only exactly equal scores tie. A NaN score is an error; infinite scores rank
 * normally. */
#ifndef FALSETTO_EVAL_H
#define FALSETTO_EVAL_H

#include <falsetto/status.h>

#include <stdbool.h>
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

/* ---- operating points -----------------------------------------------------------------------------------------------
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

typedef enum fal_threshold_rule {
    FAL_THRESHOLD_YOUDEN, /* as fal_best_threshold */
    FAL_THRESHOLD_EER     /* fal_metrics.eer_threshold */
} fal_threshold_rule;
/* A threshold to use on other clips than these, which need both classes. */
FAL_API fal_status fal_choose_threshold(const double *scores, const uint8_t *labels, size_t count,
                                        fal_threshold_rule rule, double *threshold, fal_error *err);

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

typedef struct fal_reliability_bin {
    size_t count;
    double probability; /* mean P(fake) of its clips */
    double fakes;       /* share of them that is fake */
} fal_reliability_bin;
/* Clips by P = sigmoid(2 s) in `bins` equal bins of [0, 1]: out [bins]; the means of an empty bin are 0. */
FAL_API fal_status fal_reliability(const double *scores, const uint8_t *labels, size_t count, int bins,
                                   fal_reliability_bin *out, fal_error *err);
/* Expected and largest calibration error over such bins (Naeini et al. 2015, for the probability of the positive
 * class): per bin |share of fakes - mean P|, weighted by its share of clips. */
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

/* ---- everything at once ------------------------------------------------------------------------------------------ */

enum { FAL_BOOTSTRAP_CLIPS = 200000 }; /* more clips than this are not drawn anew unless that is asked for */

typedef struct fal_evaluation_options {
    int bins;             /* of the calibration error; 0: 10 */
    int resamples;        /* of the bootstrap; 0: 2000 up to FAL_BOOTSTRAP_CLIPS clips; negative: none */
    uint64_t seed;        /* of the bootstrap; 0: 1 */
    bool has_threshold;   /* count errors at `threshold` too */
    double threshold;
} fal_evaluation_options;

typedef struct fal_evaluation {
    fal_metrics metrics;
    double tpr_at_fpr_1, tpr_at_fpr_5, tpr_at_fpr_10; /* true-positive rate at false-positive rates of 1, 5, 10 % */
    double ece, mce;                                  /* calibration errors */
    double auc_variance;                              /* DeLong; NaN with fewer than two fakes or two reals */
    fal_interval delong, bootstrap;                   /* 95 % intervals of the AUC; NaN where there is none */
    int resamples;                                    /* behind `bootstrap`; 0: it was left out */
    fal_confusion at_zero;
    bool has_threshold;
    double threshold;
    fal_confusion at_threshold;
} fal_evaluation;

/* One sort serves all of it: ten million scores take seconds. What a single class does not define is NaN. options may
 * be NULL. */
FAL_API fal_status fal_evaluate_fully(const double *scores, const uint8_t *labels, size_t count,
                                      const fal_evaluation_options *options, fal_evaluation *out, fal_error *err);

/* P(fake) of a logit under the pair (-s, s): sigmoid(2 s), without overflow. */
FAL_API double fal_probability(double logit);

#ifdef __cplusplus
}
#endif
#endif
