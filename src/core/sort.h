/* Order of floating-point numbers. */
#ifndef FAL_CORE_SORT_H
#define FAL_CORE_SORT_H

#include "core/status.h"

#include <stddef.h>

/* order[0..n-1]: indices of values[0..n-1] from the smallest to the largest value, equal ones (0 and -0 are equal) in
 * their original order. A radix sort: time and memory (32 bytes per value, given back) grow with n alone, so ten million
 * scores take about a second. NaN sorts to the ends by its sign; callers refuse it before. */
fal_status fal_order_f64(const double *values, size_t n, size_t *order, fal_error *err);

#endif
