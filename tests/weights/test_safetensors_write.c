#include "support/alloc_fail.h"
#include "support/test.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/half.h"
#include "weights/safetensors_write.h"

#include <math.h>
#include <string.h>

static const float values[] = {0, 1, -2, 3.5f, 1e-3f, 65504};
static const int64_t numbers[] = {1, -2, INT64_MAX};

static fal_checkpoint *write_and_open(const char *name, const fal_named_tensor *tensors, size_t count, fal_dtype store,
                                      const fal_metadata *metadata, size_t metadata_count)
{
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    const char *path = fal_temp_path("%s", name);
    fal_check_ok(fal_safetensors_write(path, tensors, count, store, metadata, metadata_count, &err), &err);
    fal_check_ok(fal_checkpoint_open(path, NULL, &ckpt, &err), &err);
    assert_int_equal(fal_checkpoint_count(ckpt), count);
    return ckpt;
}

static const fal_tensor *find(const fal_checkpoint *ckpt, const char *name)
{
    const fal_named_tensor *t = fal_checkpoint_find(ckpt, name);
    assert_non_null(t);
    return &t->tensor;
}

static void test_round_trip(void **state)
{
    (void)state;
    fal_tensor turned = fal_tensor_f32(values, 2, (int64_t[]){2, 3});
    turned.shape[0] = 3, turned.shape[1] = 2, turned.stride[0] = 1, turned.stride[1] = 3;
    fal_named_tensor tensors[] = {
        {"plain", fal_tensor_f32(values, 2, (int64_t[]){2, 3})},
        {"turned", turned},
        {"count", fal_tensor_make(FAL_I64, numbers, 1, (int64_t[]){3})},
        {"scalar", fal_tensor_f32(values + 3, 0, NULL)},
        {"none", fal_tensor_f32(values, 2, (int64_t[]){0, 4})},
        {"quote \" \xc3\xa9", fal_tensor_f32(values, 1, (int64_t[]){1})},
    };
    fal_metadata metadata[] = {{"falsetto.family", "avhubert"}, {"falsetto.config", "{\"width\":48}"}};
    fal_checkpoint *ckpt = write_and_open("f32.safetensors", tensors, 6, FAL_F32, metadata, 2);
    assert_int_equal(find(ckpt, "plain")->dtype, FAL_F32);
    assert_memory_equal(find(ckpt, "plain")->data, values, sizeof values);
    assert_memory_equal(find(ckpt, "turned")->data, ((float[]){0, 3.5f, 1, 1e-3f, -2, 65504}), sizeof values);
    assert_int_equal(find(ckpt, "count")->dtype, FAL_I64);
    assert_memory_equal(find(ckpt, "count")->data, numbers, sizeof numbers);
    assert_int_equal(find(ckpt, "scalar")->rank, 0);
    assert_true(*(const float *)find(ckpt, "scalar")->data == 3.5f);
    assert_int_equal(fal_tensor_count(find(ckpt, "none")), 0);
    assert_int_equal(fal_tensor_count(find(ckpt, "quote \" \xc3\xa9")), 1);
    assert_string_equal(fal_checkpoint_metadata(ckpt, "falsetto.family"), "avhubert");
    assert_int_equal(fal_value_int(fal_value_get(fal_checkpoint_config(ckpt), "width"), 0), 48);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fal_checkpoint_at(ckpt, i)->name, tensors[i].name);
    fal_checkpoint_free(&ckpt);
}

static void test_half_precision(void **state)
{
    (void)state;
    static const fal_dtype stores[] = {FAL_F16, FAL_BF16};
    uint16_t half[6];
    fal_f32_to_f16_n(values, half, 6);
    fal_named_tensor tensors[] = {
        {"f32", fal_tensor_f32(values, 1, (int64_t[]){6})},
        {"f16", fal_tensor_make(FAL_F16, half, 1, (int64_t[]){6})},
        {"count", fal_tensor_make(FAL_I64, numbers, 1, (int64_t[]){3})},
    };
    for (size_t s = 0; s < 2; s++) {
        fal_checkpoint *ckpt = write_and_open("half.safetensors", tensors, 3, stores[s], NULL, 0);
        float got[6];
        double rtol = stores[s] == FAL_F16 ? 0x1p-11 : 0x1p-8; /* half a unit in the last place, with room */
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(find(ckpt, tensors[i].name)->dtype, stores[s]);
            fal_tensor_copy_f32(find(ckpt, tensors[i].name), got);
            fal_check_close(tensors[i].name, got, values, 6, 1e-6, rtol);
        }
        assert_int_equal(find(ckpt, "count")->dtype, FAL_I64);
        fal_checkpoint_free(&ckpt);
    }
}

/* Larger than the buffer, not contiguous, and with rows wider than the buffer. */
static void test_large_tensors(void **state)
{
    (void)state;
    enum { ROWS = 3, WIDTH = 300001 };
    float *data = fal_malloc_array(ROWS * WIDTH, sizeof *data);
    assert_non_null(data);
    for (int i = 0; i < ROWS * WIDTH; i++)
        data[i] = (float)(i % 4093);
    fal_tensor tall = fal_tensor_f32(data, 2, (int64_t[]){ROWS, WIDTH});
    tall.shape[0] = WIDTH, tall.shape[1] = ROWS, tall.stride[0] = 1, tall.stride[1] = WIDTH;
    fal_named_tensor tensors[] = {{"wide", fal_tensor_f32(data, 2, (int64_t[]){ROWS, WIDTH})}, {"tall", tall}};
    fal_checkpoint *ckpt = write_and_open("large.safetensors", tensors, 2, FAL_BF16, NULL, 0);
    const uint16_t *wide = find(ckpt, "wide")->data, *turned = find(ckpt, "tall")->data;
    for (int i = 0; i < ROWS * WIDTH; i++) {
        assert_int_equal(wide[i], fal_f32_to_bf16(data[i]));
        assert_int_equal(turned[i], fal_f32_to_bf16(data[i % ROWS * WIDTH + i / ROWS]));
    }
    fal_checkpoint_free(&ckpt);
    fal_free(data);
}

static void test_mistakes(void **state)
{
    (void)state;
    fal_named_tensor t = {"a", fal_tensor_f32(values, 1, (int64_t[]){6})};
    fal_error err = {0};
    fal_check_fails(fal_safetensors_write(fal_temp_path("no"), &t, 1, FAL_I64, NULL, 0, &err), FAL_ERR_ARGUMENT,
                    "not I64", &err);
    fal_check_ok(fal_file_write(fal_temp_path("file"), "x", 1, &err), &err);
    fal_check_fails(fal_safetensors_write(fal_temp_path("file/below"), &t, 1, FAL_F32, NULL, 0, &err), FAL_ERR_IO, NULL,
                    &err);
}

static fal_status write_case(void *user, fal_error *err)
{
    fal_named_tensor t = {"a", fal_tensor_f32(values, 1, (int64_t[]){6})};
    fal_metadata metadata = {"k", "v"};
    return fal_safetensors_write(user, &t, 1, FAL_F16, &metadata, 1, err);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    char *path = fal_strdup(fal_temp_path("alloc.safetensors"));
    fal_check_alloc_failures("safetensors write", write_case, path);
    fal_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_half_precision),
        cmocka_unit_test(test_large_tensors),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
