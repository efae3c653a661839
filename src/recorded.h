/* What `extract` recorded beside features, for the calls that use features. */
#ifndef FAL_RECORDED_H
#define FAL_RECORDED_H

#include "core/json.h"
#include "core/log.h"

#include <falsetto/head.h>

typedef struct fal_recorded {
    const char *encoder, *family, *feature; /* NULL: not recorded */
    fal_json *settings;                     /* holds the texts */
} fal_recorded;

/* Never fails: features of other programs have no record. */
fal_recorded fal_recorded_read(const char *root);
void fal_recorded_free(fal_recorded *recorded);

/* Features of another family or feature than the head was trained on are an error; of another model, by its name, a
 * warning. */
fal_status fal_recorded_check(const fal_head_description *head, const char *root, const fal_log *log, fal_error *err);

#endif
