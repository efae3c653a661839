/* Tables of positions that shared attention reads. */
#include "encoder/self_attention.h"
#include "support/golden.h"

#include <string.h>

enum { BUCKETS = 320, MAX_DISTANCE = 800, ROWS = 1201 };

/* With the table 0, 1, 2, ... the bias of a distance is the number of its bucket. WavLM's released sizes, distances
 * -1200..1200. */
static void test_buckets(void **state)
{
    (void)state;
    static float numbers[BUCKETS], got[2 * ROWS - 1];
    fal_npy want = fal_golden_npy(fal_data_path("wav2vec2/rel_bucket_320_800.npy"));
    fal_check_shape("rel_bucket_320_800", &want, 1, (size_t[]){2 * ROWS - 1});
    for (int b = 0; b < BUCKETS; b++)
        numbers[b] = (float)b;
    fal_bucket_bias(numbers, BUCKETS, 1, MAX_DISTANCE, ROWS, got);
    fal_check_close("bucket of a distance", got, fal_npy_f32(&want), want.count, 0, 0);
    fal_npy_free(&want);
}

/* Every head has its own column of the table; shorter clips see the middle of the same curve. */
static void test_heads_and_lengths(void **state)
{
    (void)state;
    enum { FEW = 8, HEADS = 3, LONG = 9, SHORT = 4 };
    float table[FEW * HEADS], long_bias[HEADS * (2 * LONG - 1)], short_bias[HEADS * (2 * SHORT - 1)];
    for (int i = 0; i < FEW * HEADS; i++)
        table[i] = (float)(10 * (i / HEADS) + i % HEADS);
    fal_bucket_bias(table, FEW, HEADS, 6, LONG, long_bias);
    fal_bucket_bias(table, FEW, HEADS, 6, SHORT, short_bias);
    for (int head = 0; head < HEADS; head++) {
        const float *curve = long_bias + head * (2 * LONG - 1);
        fal_check_close("a shorter clip", short_bias + head * (2 * SHORT - 1), curve + LONG - SHORT, 2 * SHORT - 1, 0,
                        0);
        for (int r = 0; r < 2 * LONG - 1; r++)
            assert_int_equal((int)curve[r] % 10, head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets), cmocka_unit_test(test_heads_and_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
