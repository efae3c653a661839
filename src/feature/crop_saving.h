/* One clip's crops on their way into a folder of crops (crop_tree.h), beside the passes that read the clip anyway.
 *
 *     FAL_TRY(fal_crop_saving_open("clips/id04/abc.mp4", "crops/id04/abc.mp4", false, &saving, err));
 *     const fal_picture_sink sink = fal_crop_saving_sink(&saving);
 *     how.crop_sink = saving.lacks_pictures ? &sink : NULL;
 *     FAL_TRY(fal_clip_encode(..., &how, ..., &encoding, err));
 *     FAL_TRY(fal_crop_saving_finish(&saving, &encoding.inputs, err));
 */
#ifndef FAL_FEATURE_CROP_SAVING_H
#define FAL_FEATURE_CROP_SAVING_H

#include "feature/crop_tree.h"
#include "feature/inputs.h"
#include "media/movie.h"

typedef struct fal_crop_saving {
    char *clip;
    bool exact;
    fal_crop_files files;
    bool lacks_pictures, lacks_sound; /* files to be written: the clip has such a stream, and no whole file is there */
    fal_movie *movie;                 /* since the first crop */
    int64_t pictures;                 /* written so far */
    fal_status status; /* not FAL_OK: why pictures cannot be written, which disturbs nobody else who reads the clip */
    fal_error why;
} fal_crop_saving;

/* Looks at what is there already. `place`: the clip's path below the folder of crops. */
fal_status fal_crop_saving_open(const char *clip, const char *place, bool exact, fal_crop_saving *out, fal_error *err);
bool fal_crop_saving_lacks(const fal_crop_saving *saving); /* either file */
void fal_crop_saving_free(fal_crop_saving *saving);        /* what is not finished leaves nothing behind */

/* For fal_input_request.crop_sink; the saving must stay where it is. */
fal_picture_sink fal_crop_saving_sink(fal_crop_saving *saving);

/* Writes what is lacking; `inputs`: those of the pass that the sink was part of. A clip without one stream has one
 * file. FAL_ERR_NOT_FOUND when it gives neither, FAL_ERR_TOO_SHORT or FAL_ERR_UNSUPPORTED when Auto-AVSR's script would
 * not crop it. */
fal_status fal_crop_saving_finish(fal_crop_saving *saving, const fal_clip_inputs *inputs, fal_error *err);

#endif
