/* Failing every allocation of an operation in turn. */
#ifndef FAL_TESTS_SUPPORT_ALLOC_FAIL_H
#define FAL_TESTS_SUPPORT_ALLOC_FAIL_H

#include "support/test.h"

typedef fal_status fal_alloc_case(void *user, fal_error *err);

/* Runs `fn` once, which must succeed, then once for each allocation it made on this thread with that one failing: it
 * must then either report FAL_ERR_MEMORY or do without. Leaks are the sanitizer's to find. Builds without injected
 * failure only do the first run. */
void fal_check_alloc_failures(const char *name, fal_alloc_case *fn, void *user);

#endif
