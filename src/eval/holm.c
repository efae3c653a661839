/* S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979). */
#include "core/alloc.h"
#include "core/sort.h"
#include "core/status.h"

#include <falsetto/compare.h>

#include <math.h>

fal_status fal_holm(const double *p, size_t count, double *corrected, fal_error *err)
{
    fal_status st = FAL_OK;
    double *keys = NULL, so_far = 0;
    size_t *order = NULL, tests = 0;
    FAL_ALLOC(keys, fal_malloc_array(count, sizeof *keys));
    FAL_ALLOC(order, fal_malloc_array(count, sizeof *order));
    for (size_t i = 0; i < count; i++) {
        keys[i] = isnan(p[i]) ? INFINITY : p[i];
        tests += !isnan(p[i]);
    }
    FAL_TRY(fal_order_f64(keys, count, order, err));
    for (size_t k = 0; k < tests; k++) {
        so_far = fmax(so_far, (double)(tests - k) * keys[order[k]]);
        corrected[order[k]] = fmin(so_far, 1);
    }
    for (size_t k = tests; k < count; k++)
        corrected[order[k]] = NAN;
done:
    fal_free(keys);
    fal_free(order);
    return st;
}
