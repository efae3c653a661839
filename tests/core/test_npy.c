#include "support/golden.h"
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Element i of the numpy files in tests/data/core. */
static double expected(const char *name, int i)
{
    int value = i - 5;
    return name[0] == 'b' ? value != 0 : name[0] == 'u' ? abs(value) : value;
}

static void check_numpy_file(const char *name)
{
    double want[24];
    for (int i = 0; i < 24; i++)
        want[i] = expected(name, i);
    fal_npy a = fal_golden_npy_f64(fal_data_path("core/%s.npy", name));
    fal_check_shape(name, &a, 3, ((size_t[]){2, 3, 4}));
    fal_check_close_f64(name, a.data, want, 24, 0, 0);
    fal_npy_free(&a);
    float want_f32[24];
    for (int i = 0; i < 24; i++)
        want_f32[i] = (float)want[i];
    a = fal_golden_npy(fal_data_path("core/%s.npy", name));
    fal_check_close(name, fal_npy_f32(&a), want_f32, 24, 0, 0);
    fal_npy_free(&a);
}

static void test_everything_numpy_writes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "b1_le", "i1_le", "i2_le", "i2_be", "i4_le", "i4_be", "i8_le", "i8_be",    "u1_le", "u2_le", "u2_be",
        "u4_le", "u4_be", "u8_le", "u8_be", "f2_le", "f2_be", "f4_le", "f4_be", "f8_le", "f8_be",
        "fortran_f8", "version2", "version3",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_numpy_file(names[i]);
}

static void test_scalar_and_empty(void **state)
{
    (void)state;
    fal_npy a = fal_golden_npy_raw(fal_data_path("core/scalar.npy"));
    fal_check_shape("scalar", &a, 0, NULL);
    assert_int_equal(a.count, 1);
    assert_true(fal_npy_f32(&a)[0] == 2.5f);
    fal_npy_free(&a);
    a = fal_golden_npy_raw(fal_data_path("core/empty.npy"));
    fal_check_shape("empty", &a, 3, ((size_t[]){3, 0, 2}));
    assert_int_equal(a.count, 0);
    assert_non_null(a.data);
    fal_npy_free(&a);
}

static void test_what_is_no_number_is_refused(void **state)
{
    (void)state;
    fal_npy a = {0};
    fal_error err = {0};
    fal_check_fails(fal_npy_read(fal_data_path("core/object.npy"), &a, &err), FAL_ERR_UNSUPPORTED, "pickle", &err);
    fal_check_fails(fal_npy_read(fal_data_path("core/fields.npy"), &a, &err), FAL_ERR_UNSUPPORTED, "fields", &err);
    fal_check_fails(fal_npy_read(fal_data_path("core/text.npy"), &a, &err), FAL_ERR_UNSUPPORTED, "<U1", &err);
    fal_check_fails(fal_npy_read(fal_data_path("core/complex.npy"), &a, &err), FAL_ERR_UNSUPPORTED, "<c8", &err);
    fal_check_fails(fal_npy_read(fal_data_path("core/missing.npy"), &a, &err), FAL_ERR_NOT_FOUND, "missing", &err);
    assert_null(a.data);
}

/* Parses a version 1.0 file made of the header text and `data_bytes` zeros. */
static fal_status parse_made(const char *header, size_t data_bytes, fal_npy *out, fal_error *err)
{
    fal_buf file = {0};
    size_t length = strlen(header);
    char zero[256] = {0};
    fal_buf_append(&file, "\x93NUMPY\x01\x00", 8);
    fal_buf_append(&file, (char[]){(char)(length & 0xff), (char)(length >> 8)}, 2);
    fal_buf_puts(&file, header);
    fal_buf_append(&file, zero, data_bytes);
    fal_status st = fal_npy_parse(file.data, file.length, "made", out, err);
    fal_buf_free(&file);
    return st;
}

static void test_headers_others_write(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\"=f4\"}\n",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2L, 3L)}   ",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        fal_npy a = {0};
        fal_error err = {0};
        fal_check_ok(parse_made(good[i], 24, &a, &err), &err);
        fal_check_shape(good[i], &a, 2, ((size_t[]){2, 3}));
        fal_npy_free(&a);
    }
}

static void test_hostile_headers(void **state)
{
    (void)state;
    static const struct { const char *header; fal_status want; } bad[] = {
        {"", FAL_ERR_FORMAT},
        {"{}", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", FAL_ERR_FORMAT},    /* too little data */
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", FAL_ERR_FORMAT},    /* too much */
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,6,1), }", FAL_ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False}", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", FAL_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } more", FAL_ERR_FORMAT},
        {"{'descr': '', 'fortran_order': False, 'shape': (2, 3), }", FAL_ERR_UNSUPPORTED},
        {"{'descr': '<f4", FAL_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fal_npy a = {0};
        fal_error err = {0};
        fal_status got = parse_made(bad[i].header, 24, &a, &err);
        if (got != bad[i].want || a.data)
            fail_msg("%s: got %s (%s), want %s", bad[i].header, fal_status_name(got), err.text,
                     fal_status_name(bad[i].want));
    }
}

static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    fal_buf file = {0};
    fal_error err = {0};
    fal_npy a = {0};
    fal_check_ok(fal_file_read(fal_data_path("core/version2.npy"), 0, &file, &err), &err);
    for (size_t length = 0; length < file.length; length++) {
        char *part = fal_malloc(length); /* its own block, so that reading beyond is seen */
        memcpy(part, file.data, length);
        fal_check_fails(fal_npy_parse(part, length, "part", &a, &err), FAL_ERR_FORMAT, "part", &err);
        fal_free(part);
    }
    fal_buf_puts(&file, "x");
    fal_check_fails(fal_npy_parse(file.data, file.length, "part", &a, &err), FAL_ERR_FORMAT, "announces", &err);
    file.data[6] = 9;
    fal_check_fails(fal_npy_parse(file.data, file.length, "part", &a, &err), FAL_ERR_UNSUPPORTED, "9.0", &err);
    fal_buf_free(&file);
}

static void test_written_arrays_come_back(void **state)
{
    (void)state;
    static const int64_t values[6] = {INT64_MIN, -1, 0, 1, 2, INT64_MAX};
    const char *path = fal_temp_path("made/here/a.npy");
    fal_error err = {0};
    for (fal_npy_type type = FAL_NPY_BOOL; type <= FAL_NPY_F64; type++) {
        fal_check_ok(fal_npy_write(path, type, 2, (size_t[]){2, 3}, values, &err), &err);
        fal_npy a = fal_golden_npy_raw(path);
        assert_int_equal(a.type, type);
        fal_check_shape("written", &a, 2, ((size_t[]){2, 3}));
        assert_memory_equal(a.data, values, 6 * fal_npy_type_size(type));
        fal_npy_free(&a);
    }
    fal_check_ok(fal_npy_write(path, FAL_NPY_F32, 0, NULL, &(float){1.5f}, &err), &err);
    fal_npy a = fal_golden_npy_raw(path);
    assert_int_equal(a.rank, 0);
    fal_npy_free(&a);
    fal_check_fails(fal_npy_write(path, FAL_NPY_F32, 9, (size_t[9]){0}, values, &err), FAL_ERR_ARGUMENT, NULL, &err);
}

static fal_status read_big_endian(void *path, fal_error *err)
{
    fal_npy a = {0};
    fal_status st = fal_npy_read(path, &a, err);
    if (st == FAL_OK)
        st = fal_npy_to_f64(&a, err);
    fal_npy_free(&a);
    return st;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    fal_check_alloc_failures("npy read", read_big_endian, (void *)fal_data_path("core/f4_be.npy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_numpy_writes),
        cmocka_unit_test(test_scalar_and_empty),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_headers_others_write),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_written_arrays_come_back),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
