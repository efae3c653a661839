/* Comparing detectors on the same clips: how sure an AUC is, whether two differ, whether they say the same thing, what
 * they gain together. Scores and labels as in eval.h; model after model, clips in the same order. */
#ifndef FALSETTO_COMPARE_H
#define FALSETTO_COMPARE_H

#include <falsetto/eval.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- AUCs and their covariance ------------------------------------------------------------------------------------ */

/* scores[k][i]: model k on clip i. auc [models]; covariance [models, models] of the AUCs, NaN with fewer than two fakes
 * or two reals. DeLong, DeLong and Clarke-Pearson 1988 by the midranks of Sun and Xu 2014: O(n log n). */
FAL_API fal_status fal_delong(const double *const *scores, size_t models, const uint8_t *labels, size_t count,
                              double *auc, double *covariance, fal_error *err);

typedef enum fal_interval_kind {
    FAL_INTERVAL_NORMAL, /* AUC +- 1.96 standard errors, cut to [0, 1] */
    FAL_INTERVAL_LOGIT   /* the same about logit(AUC): never leaves (0, 1); NaN for an AUC of 0 or 1 */
} fal_interval_kind;
FAL_API fal_interval fal_auc_interval(double auc, double variance, fal_interval_kind kind); /* 95 % */

typedef struct fal_paired_test {
    double difference; /* AUC of the first minus that of the second */
    double z, p;       /* two-sided; equal AUCs without variance: 0 and 1, different ones: +-inf and 0 */
} fal_paired_test;
/* Models `first` and `second` of fal_delong's results. */
FAL_API fal_paired_test fal_delong_test(const double *auc, const double *covariance, size_t models, size_t first,
                                        size_t second);

/* ---- correlation ---------------------------------------------------------------------------------------------------- */

/* Of two score vectors; NaN with fewer than two clips, a constant vector or a score that is not finite. */
FAL_API double fal_pearson(const double *a, const double *b, size_t count);
/* Pearson of the midranks. */
FAL_API fal_status fal_spearman(const double *a, const double *b, size_t count, double *out, fal_error *err);

/* ---- late fusion ------------------------------------------------------------------------------------------------------ */

typedef enum fal_fusion { FAL_FUSE_PROBABILITIES, FAL_FUSE_SCORES } fal_fusion;
/* Mean over models of P = sigmoid(2 s), or of the scores themselves: out [count]. */
FAL_API void fal_fuse(const double *const *scores, size_t models, size_t count, fal_fusion fusion, double *out);

/* 100 (AUC(fused with another) - AUC(alone)) / AUC(alone), the paper's Figure 5. */
FAL_API double fal_relative_improvement(double alone, double fused);

#ifdef __cplusplus
}
#endif
#endif
