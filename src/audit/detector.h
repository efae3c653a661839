/* How well one number tells fakes from reals, with what is needed to believe it. Inside src/audit only. */
#ifndef FAL_AUDIT_DETECTOR_H
#define FAL_AUDIT_DETECTOR_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct fal_detector_power {
    double auc, variance; /* DeLong's */
    double p;             /* two-sided, Mann and Whitney's normal approximation with ties: holds for any AUC, also 1 */
} fal_detector_power;

/* Needs two clips of each class. */
fal_status fal_detector_measure(const double *scores, const uint8_t *labels, size_t count, fal_detector_power *out,
                                fal_error *err);

#endif
