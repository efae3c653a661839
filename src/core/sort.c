#include "core/sort.h"

#include "core/alloc.h"

#include <stdint.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 6, BUCKETS = 1 << DIGIT_BITS }; /* 6 x 11 bits cover 64 */

typedef struct item {
    uint64_t key;
    size_t index;
} item;

/* Unsigned integers in the order of the numbers: positive ones get the top bit, of negative ones all bits turn. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    value += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static size_t digit_of(uint64_t key, int digit)
{
    return key >> (digit * DIGIT_BITS) & (BUCKETS - 1);
}

/* One stable pass by one digit; false when all items have the same one and nothing needs to move. */
static bool pass(const item *from, item *to, size_t n, int digit, size_t *starts)
{
    memset(starts, 0, BUCKETS * sizeof *starts);
    for (size_t i = 0; i < n; i++)
        starts[digit_of(from[i].key, digit)]++;
    if (starts[digit_of(from[0].key, digit)] == n)
        return false;
    size_t sum = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        size_t count = starts[b];
        starts[b] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[digit_of(from[i].key, digit)]++] = from[i];
    return true;
}

fal_status fal_order_f64(const double *values, size_t n, size_t *order, fal_error *err)
{
    fal_status st = FAL_OK;
    item *items = NULL, *spare = NULL;
    size_t starts[BUCKETS];
    if (n == 0)
        return FAL_OK;
    FAL_ALLOC(items, fal_malloc_array(n, sizeof *items));
    FAL_ALLOC(spare, fal_malloc_array(n, sizeof *spare));
    for (size_t i = 0; i < n; i++)
        items[i] = (item){key_of(values[i]), i};
    for (int digit = 0; digit < DIGITS; digit++)
        if (pass(items, spare, n, digit, starts)) {
            item *sorted = spare;
            spare = items;
            items = sorted;
        }
    for (size_t i = 0; i < n; i++)
        order[i] = items[i].index;
done:
    fal_free(items);
    fal_free(spare);
    return st;
}
