/* A clip's inputs from crops that were made before (crop_tree.h): no face is looked for. */
#ifndef FAL_FEATURE_CROP_INPUTS_H
#define FAL_FEATURE_CROP_INPUTS_H

#include "feature/inputs.h"

/* As fal_clip_inputs_read for the files beside `path`, either of which may be missing. Each picture of the file is one
 * time step of 1/25 s, whatever its rate says, as upstream reads them, and one crop: in grey, in colour, or both; of
 * pictures larger than 96x96 the middle, smaller ones than 88x88 are refused (FAL_ERR_UNSUPPORTED). FAL_ERR_NOT_FOUND
 * when there is neither file. */
fal_status fal_crop_inputs_read(const char *path, const fal_input_request *request, fal_clip_inputs *out,
                                fal_error *err);

#endif
