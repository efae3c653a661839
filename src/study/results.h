/* Numbers of a study: AUCs over its seeds, and what fusions do. Percent. Inside src/study only. */
#ifndef FAL_STUDY_RESULTS_H
#define FAL_STUDY_RESULTS_H

#include "study/work.h"

typedef struct fal_study_value {
    double mean;
    double spread; /* standard deviation over seeds; NaN with one seed */
} fal_study_value;

/* AUC of a head on the test set. Probes of a pair: the late fusion, mean of P(fake), of its two encoders' probes.
 * trial's seed is not looked at. */
fal_status fal_study_auc(fal_study_work *work, const fal_study_trial *trial, fal_study_value *out, fal_error *err);

/* Two encoders' probes on the clips that both have scored, mean over seeds. */
typedef struct fal_study_together {
    double correlation; /* Pearson, of the scores */
    double improvement; /* of `first` alone by fusion with `second`, relative */
} fal_study_together;
fal_status fal_study_pair_up(fal_study_work *work, const fal_study_column *column, fal_study_subject first,
                             fal_study_subject second, fal_study_together *out, fal_error *err);

#endif
