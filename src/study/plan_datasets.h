/* The "datasets" of a configuration. Inside src/study only. */
#ifndef FAL_STUDY_PLAN_DATASETS_H
#define FAL_STUDY_PLAN_DATASETS_H

#include "study/plan.h"
#include "study/plan_values.h"

fal_status fal_study_read_datasets(const fal_place_in_plan *top, const fal_study_folders *folders, fal_study_plan *plan,
                                   fal_error *err);
/* Index of the dataset called `id`, which must be there. */
fal_status fal_study_find_dataset(const fal_study_plan *plan, const fal_place_in_plan *at, const char *id, size_t *out,
                                  fal_error *err);

#endif
