/* What every test file includes: cmocka with the headers it wants first, and our checks. */
#ifndef FAL_TESTS_SUPPORT_TEST_H
#define FAL_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/check.h"
#include "support/paths.h"

#endif
