/* Where tests find and leave files.
 *
 * The path functions take a printf format and return text that stays valid for the next 31 calls of any of them, so a
 * test needs not free it. */
#ifndef FAL_TESTS_SUPPORT_PATHS_H
#define FAL_TESTS_SUPPORT_PATHS_H

#include "core/status.h"

#include <stdbool.h>

const char *fal_data_path(const char *fmt, ...) FAL_PRINTF(1, 2);      /* in tests/data */
const char *fal_reference_path(const char *fmt, ...) FAL_PRINTF(1, 2); /* in the reference folder */
const char *fal_golden_path(const char *fmt, ...) FAL_PRINTF(1, 2);    /* in the reference folder's goldens/ */
const char *fal_temp_path(const char *fmt, ...) FAL_PRINTF(1, 2); /* in a folder of this process, removed at its end */

bool fal_have_reference(void);
/* Skips the current test, saying why, where the reference folder is absent. */
void fal_skip_without_reference(void);
/* The same for one file or folder. */
void fal_skip_without(const char *path);

/* Removes a folder and all in it. */
void fal_remove_tree(const char *path);

#endif
