/* A folder of mouth crops as AV-HuBERT's and AVH-Align's scripts lay it out: for the clip "id04/abc.mp4" the pictures
 * "id04/abc_roi.mp4" (96x96, H.264) and the sound "id04/abc.wav". */
#ifndef FAL_FEATURE_CROP_TREE_H
#define FAL_FEATURE_CROP_TREE_H

#include "core/status.h"

#include <falsetto/encoder.h>

typedef struct fal_crop_files {
    char *pictures, *sound;
} fal_crop_files;

/* The two files beside `path`, which is a clip (its last four characters are cut, whatever the extension, as the
 * official scripts do) or itself a "..._roi.mp4". Nothing is looked for on disk. FAL_ERR_ARGUMENT for a shorter path.
 */
fal_status fal_crop_files_name(const char *path, fal_crop_files *out, fal_error *err);
void fal_crop_files_free(fal_crop_files *files);

/* Makes the folder with a crops.json that tells how its crops are made, or finds that it has one that says the same;
 * FAL_ERR_ARGUMENT when it says something else. */
fal_status fal_crop_tree_claim(const char *root, fal_mouth_alignment alignment, bool exact, fal_error *err);

/* The alignment that the folder's crops.json names: "avhubert", "auto-avsr"; "unknown" where there is none, as in
 * official trees. */
const char *fal_crop_tree_alignment(const char *root);

#endif
