/* Tells model files apart, whatever they are called. */
#ifndef FAL_FEATURE_FINGERPRINT_H
#define FAL_FEATURE_FINGERPRINT_H

#include "core/digest.h"

enum { FAL_FINGERPRINT_TEXT = 17 };

/* Sixteen hex digits from the size and the first, middle and last 64 KiB of a file, or of every file of a folder by
 * name: enough to tell checkpoints apart without reading gigabytes, no proof of anything. */
fal_status fal_fingerprint(const char *path, char out[FAL_FINGERPRINT_TEXT], fal_error *err);

#endif
