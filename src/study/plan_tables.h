/* The "tables" of a configuration. Inside src/study only. */
#ifndef FAL_STUDY_PLAN_TABLES_H
#define FAL_STUDY_PLAN_TABLES_H

#include "study/plan.h"
#include "study/plan_values.h"

fal_status fal_study_read_tables(const fal_place_in_plan *top, fal_study_plan *plan, fal_error *err);

#endif
