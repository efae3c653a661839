/* An output folder belongs to the settings that were there first: they are written into it, and other ones are refused
 * later. Inside src/feature only. */
#ifndef FAL_FEATURE_FOLDER_CLAIM_H
#define FAL_FEATURE_FOLDER_CLAIM_H

#include "core/buf.h"

/* Makes the folder if needed; folder/name gets these settings or has them already, to the byte. FAL_ERR_ARGUMENT, with
 * both texts, when it has others. */
fal_status fal_folder_claim(const char *folder, const char *name, const fal_buf *settings, fal_error *err);

#endif
