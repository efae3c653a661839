/* A checkpoint described for a person. */
#ifndef FAL_ENCODER_INFO_TEXT_H
#define FAL_ENCODER_INFO_TEXT_H

#include "encoder/loaded.h"

/* Appends the description. `reason`: why it opens as no encoder; NULL: it does. Tensors whose names differ only in
 * numbers and that have the same type and shape share a line. */
void fal_info_text(const fal_loaded *loaded, const char *reason, fal_buf *out);

#endif
