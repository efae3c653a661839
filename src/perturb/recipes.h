/* The table of perturbations. */
#ifndef FAL_PERTURB_RECIPES_H
#define FAL_PERTURB_RECIPES_H

#include "core/status.h"
#include "media/transcode.h"

#include <falsetto/perturb.h>

/* Index of the row of this name; FAL_ERR_NOT_FOUND names all there are. */
fal_status fal_perturbation_find(const char *name, size_t *index, fal_error *err);

/* Writes the perturbed clip to `to`, in place. */
fal_status fal_perturb_into(const char *from, size_t index, double severity, const char *to,
                            const volatile sig_atomic_t *cancel, fal_error *err);

#endif
