/* Comparing detectors on the same clips: how sure an AUC is, whether two differ, whether they say the same thing, what
 * they gain together. Scores and labels as in eval.h; model after model, clips in the same order. */
#ifndef FALSETTO_COMPARE_H
#define FALSETTO_COMPARE_H

#include <falsetto/eval.h>
#include <falsetto/scores.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- AUCs and their covariance ----------------------------------------------------------------------------------- */

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

/* Holm's step-down correction (1979) of `count` p-values tested together; NaN stays NaN and is not counted. */
FAL_API fal_status fal_holm(const double *p, size_t count, double *corrected, fal_error *err);

/* ---- correlation ------------------------------------------------------------------------------------------------- */

/* Of two score vectors; NaN with fewer than two clips, a constant vector or a score that is not finite. */
FAL_API double fal_pearson(const double *a, const double *b, size_t count);
/* Pearson of the midranks. */
FAL_API fal_status fal_spearman(const double *a, const double *b, size_t count, double *out, fal_error *err);

/* ---- late fusion ------------------------------------------------------------------------------------------------- */

typedef enum fal_fusion { FAL_FUSE_PROBABILITIES, FAL_FUSE_SCORES } fal_fusion;
/* Mean over models of P = sigmoid(2 s), or of the scores themselves: out [count]. */
FAL_API void fal_fuse(const double *const *scores, size_t models, size_t count, fal_fusion fusion, double *out);

/* The same as scores again, so that P = sigmoid(2 s) is the mean of probabilities: +-infinity where that is 1 or 0. */
FAL_API void fal_fuse_to_scores(const double *const *scores, size_t models, size_t count, fal_fusion fusion,
                                double *out);

/* 100 (AUC(fused with another) - AUC(alone)) / AUC(alone), the paper's Figure 5. */
FAL_API double fal_relative_improvement(double alone, double fused);

/* ---- everything at once ------------------------------------------------------------------------------------------ */

enum { FAL_EXHAUSTIVE_MODELS = 12 };

typedef struct fal_comparison_options {
    fal_fusion fusion;      /* of the matrices and of the best subset */
    int exhaustive_up_to;   /* models of which every subset is tried; 0: FAL_EXHAUSTIVE_MODELS; at most 20 */
} fal_comparison_options;

typedef struct fal_compared_model {
    double auc, ap;
    fal_interval interval;  /* DeLong, 95 % */
} fal_compared_model;

typedef struct fal_best_subset {
    const bool *members;    /* [models] */
    double chosen_auc;      /* fused, on the clips it was chosen on */
    double auc;             /* fused, on the clips compared */
    bool exhaustive;        /* every subset was tried; else the best one was grown model by model */
    bool on_validation;     /* chosen on other clips; else `auc` is optimistic */
} fal_best_subset;

/* Matrices are [models, models], row-major. */
typedef struct fal_comparison {
    size_t count, clips, fakes, reals; /* count: models */
    const fal_compared_model *models;
    const double *pearson, *spearman;
    const double *fused_auc;      /* of each pair; alone on the diagonal */
    const double *improvement;    /* fal_relative_improvement: row: alone, column: fused with */
    const double *p, *p_holm;     /* paired DeLong tests, 1 on the diagonal; Holm over count (count - 1) / 2 pairs */
    double all_auc[2];            /* of all models fused, by fal_fusion */
    fal_best_subset best;         /* fewest members among equals */
    void *storage;
} fal_comparison;

/* validation: the same models on other clips, to choose the best subset on; NULL: chosen on `test` itself. options may
 * be NULL. Needs both classes. */
FAL_API fal_status fal_compare(const fal_score_join *test, const fal_score_join *validation,
                               const fal_comparison_options *options, fal_comparison *out, fal_error *err);
FAL_API void fal_comparison_free(fal_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
