/* The public file calls: arrays, tables, text. */
#include "support/alloc_fail.h"
#include "support/golden.h"

#include "core/file.h"

#include <falsetto/files.h>

#include <string.h>

static void test_arrays_come_back(void **state)
{
    (void)state;
    const float floats[] = {1.5f, -2, 3, 0.1f, 5, 6};
    const uint8_t bytes[] = {0, 7, 255};
    const fal_named_array arrays[] = {{"a", {FAL_ELEMENT_F32, 2, {2, 3}, floats}},
                                      {"b", {FAL_ELEMENT_U8, 1, {3}, bytes}}};
    const char *path = fal_temp_path("arrays.npz");
    fal_error err = {0};
    fal_check_ok(fal_arrays_write(path, arrays, 2, &err), &err);
    fal_npy a = fal_golden_npz(path, "a"), b = fal_golden_npz(path, "b");
    fal_check_shape("a", &a, 2, ((size_t[]){2, 3}));
    fal_check_close("a", fal_npy_f32(&a), floats, 6, 0, 0);
    fal_check_shape("b", &b, 1, ((size_t[]){3}));
    const float wanted[] = {0, 7, 255};
    fal_check_ok(fal_npy_to_f32(&b, &err), &err);
    fal_check_close("b", fal_npy_f32(&b), wanted, 3, 0, 0);
    fal_npy_free(&a);
    fal_npy_free(&b);
}

static void test_reading_converts(void **state)
{
    (void)state;
    const int16_t shorts[] = {-3, 300};
    const uint8_t bytes[] = {9, 250};
    const float wanted[] = {-3, 300};
    const char *path = fal_temp_path("array.npy");
    fal_array array = {0};
    fal_error err = {0};
    fal_check_ok(fal_npy_write(path, FAL_NPY_I16, 1, (size_t[]){2}, shorts, &err), &err);
    fal_check_ok(fal_array_read(path, &array, &err), &err);
    assert_true(array.type == FAL_ELEMENT_F32 && array.rank == 1 && array.shape[0] == 2);
    fal_check_close("int16", array.data, wanted, 2, 0, 0);
    fal_array_free(&array);
    assert_null(array.data);
    fal_check_ok(fal_npy_write(path, FAL_NPY_U8, 2, (size_t[]){1, 2}, bytes, &err), &err);
    fal_check_ok(fal_array_read(path, &array, &err), &err);
    assert_true(array.type == FAL_ELEMENT_U8 && array.rank == 2);
    assert_memory_equal(array.data, bytes, 2);
    fal_array_free(&array);
    fal_array_free(&array);
    fal_array_free(NULL);
}

static void test_shapes_that_are_refused(void **state)
{
    (void)state;
    const float one = 1;
    const char *path = fal_temp_path("refused.npz");
    fal_named_array wrong[] = {{"x", {FAL_ELEMENT_F32, 7, {1}, &one}},
                               {"x", {FAL_ELEMENT_F32, 0, {1}, &one}},
                               {"x", {FAL_ELEMENT_F32, 2, {1, -1}, &one}}};
    fal_array array = {0};
    fal_error err = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fal_check_fails(fal_arrays_write(path, &wrong[i], 1, &err), FAL_ERR_ARGUMENT, "[x]", &err);
    path = fal_temp_path("seven.npy");
    fal_check_ok(fal_npy_write(path, FAL_NPY_F32, 7, (size_t[]){1, 1, 1, 1, 1, 1, 1}, &one, &err), &err);
    fal_check_fails(fal_array_read(path, &array, &err), FAL_ERR_FORMAT, "array of 7 axes", &err);
    assert_null(array.data);
}

static fal_status write_table(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_table *table = NULL;
    FAL_TRY(fal_table_create(&table, err));
    fal_table_header(table, (const char *const[]){"name", "length, s"}, 2);
    fal_table_text(table, "clip, first");
    fal_table_float(table, 0.1);
    fal_table_end_row(table);
    fal_table_text(table, "");
    fal_table_float(table, -2);
    fal_table_end_row(table);
    FAL_TRY(fal_table_write(table, user, err));
done:
    fal_table_free(&table);
    return st;
}

static void test_table(void **state)
{
    (void)state;
    const char *path = fal_temp_path("table.csv");
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(write_table((void *)path, &err), &err);
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    assert_string_equal(text.data, "name,\"length, s\"\r\n\"clip, first\",0.1\r\n\"\",-2\r\n");
    fal_buf_free(&text);
    fal_table_free(NULL);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("table", write_table, (void *)fal_temp_path("failing.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_come_back),
        cmocka_unit_test(test_reading_converts),
        cmocka_unit_test(test_shapes_that_are_refused),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
