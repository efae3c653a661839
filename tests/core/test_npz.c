#include "support/golden.h"
#include "support/alloc_fail.h"

#include "core/file.h"
#include "core/half.h"
#include "core/json.h"
#include "core/str.h"

#include <math.h>
#include <string.h>

static void check_numpy_member(const char *file, const char *name)
{
    float want[24];
    for (int i = 0; i < 24; i++)
        want[i] = (float)(i - 5);
    fal_npy a = fal_golden_npz(fal_data_path("core/%s", file), name);
    fal_check_shape(name, &a, 3, ((size_t[]){2, 3, 4}));
    fal_check_close(name, fal_npy_f32(&a), want, 24, 0, 0);
    fal_npy_free(&a);
}

static void test_what_numpy_writes(void **state)
{
    (void)state;
    check_numpy_member("stored.npz", "audio");
    check_numpy_member("stored.npz", "visual");
    check_numpy_member("stored.npz", "half");
    check_numpy_member("deflated.npz", "audio");
    check_numpy_member("unseekable.npz", "audio");
}

static void test_names(void **state)
{
    (void)state;
    fal_npz *npz = NULL;
    fal_npy a = {0};
    fal_error err = {0};
    fal_check_ok(fal_npz_open(fal_data_path("core/unseekable.npz"), &npz, &err), &err);
    assert_int_equal(fal_npz_count(npz), 1); /* the text file beside the array is passed over */
    assert_string_equal(fal_npz_name(npz, 0), "audio");
    assert_true(fal_npz_has(npz, "audio"));
    assert_false(fal_npz_has(npz, "audio.npy"));
    fal_check_fails(fal_npz_get(npz, "video", &a, &err), FAL_ERR_NOT_FOUND, "there are: \"audio\"", &err);
    fal_npz_free(&npz);
    assert_null(npz);
    fal_npz_free(&npz);
}

static void test_bad_archives(void **state)
{
    (void)state;
    fal_npz *npz = NULL;
    fal_error err = {0};
    fal_check_fails(fal_npz_open(fal_data_path("core/missing.npz"), &npz, &err), FAL_ERR_NOT_FOUND, "missing", &err);
    fal_check_fails(fal_npz_open(fal_data_path("core"), &npz, &err), FAL_ERR_IO, "core", &err);
    fal_check_fails(fal_npz_open(fal_data_path("core/f4_le.npy"), &npz, &err), FAL_ERR_FORMAT, "zip", &err);
    fal_check_fails(fal_npz_open(fal_data_path("core/duplicate.npz"), &npz, &err), FAL_ERR_FORMAT, "twice", &err);
    assert_null(npz);
}

/* Reads the member of a changed archive; the result must be an error. */
static void check_damaged(const fal_buf *file, const char *name, const char *part)
{
    fal_npz *npz = NULL;
    fal_npy a = {0};
    fal_error err = {0};
    fal_check_ok(fal_npz_parse(file->data, file->length, "made", &npz, &err), &err);
    fal_check_fails(fal_npz_get(npz, name, &a, &err), FAL_ERR_FORMAT, part, &err);
    assert_null(a.data);
    fal_npz_free(&npz);
}

/* Offset of the nth central directory header; the field offsets used below are APPNOTE's (section 4.3.12). */
static char *central_header(fal_buf *file, int nth)
{
    char *at = file->data;
    for (int i = 0; i <= nth; i++) {
        at = memmem(at + (i > 0), file->length - (size_t)(at + (i > 0) - file->data), "PK\x01\x02", 4);
        assert_non_null(at);
    }
    return at;
}

static void test_damaged_members(void **state)
{
    (void)state;
    fal_buf file = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_data_path("core/stored.npz"), 0, &file, &err), &err);
    char *data = memmem(file.data, file.length, "NUMPY", 5);
    data[200] ^= 1; /* an element of the first array: only the checksum tells */
    check_damaged(&file, "audio", "CRC");
    fal_buf_free(&file);

    fal_check_ok(fal_file_read(fal_data_path("core/deflated.npz"), 0, &file, &err), &err);
    char *central = central_header(&file, 1);
    /* 40128 bytes of zeros announced as 4000 MB: more than deflate can pack into so few. */
    memcpy(central + 24, "\x00\x00\x00\xee", 4);
    check_damaged(&file, "zeros", "cannot be");
    memcpy(central + 24, "\xc1\x9c\x00\x00", 4); /* one byte more than there is */
    check_damaged(&file, "zeros", NULL);
    memcpy(central + 24, "\xbf\x9c\x00\x00", 4); /* one byte less */
    check_damaged(&file, "zeros", NULL);
    fal_buf_free(&file);
}

static const float audio[6] = {1, -2, 3.14159274f, 65504, 1e-7f, NAN};
static const double one = 3.25;
static const int64_t big[3] = {INT64_MIN, 0, INT64_MAX};
static const fal_npz_member written[] = {
    {.name = "audio", .type = FAL_NPY_F32, .store = FAL_NPY_F32, .rank = 2, .shape = {2, 3}, .data = audio},
    {.name = "half", .type = FAL_NPY_F32, .store = FAL_NPY_F16, .rank = 2, .shape = {3, 2}, .data = audio},
    {.name = "scalar", .type = FAL_NPY_F64, .store = FAL_NPY_F64, .data = &one},
    {.name = "big", .type = FAL_NPY_I64, .store = FAL_NPY_I64, .rank = 1, .shape = {3}, .data = big},
    {.name = "empty", .type = FAL_NPY_F32, .store = FAL_NPY_F32, .rank = 2, .shape = {0, 768}},
    {.name = "schl\xc3\xbcssel", .type = FAL_NPY_I64, .store = FAL_NPY_I64, .rank = 1, .shape = {1}, .data = big},
};
enum { WRITTEN = sizeof written / sizeof *written };

static void test_written_arrays_come_back(void **state)
{
    (void)state;
    fal_npz *npz = NULL;
    fal_error err = {0};
    const char *path = fal_temp_path("written.npz");
    fal_check_ok(fal_npz_write(path, written, WRITTEN, &err), &err);
    fal_check_ok(fal_npz_open(path, &npz, &err), &err);
    assert_int_equal(fal_npz_count(npz), WRITTEN);
    for (int i = 0; i < WRITTEN; i++) {
        fal_npy a = {0};
        fal_check_ok(fal_npz_get(npz, written[i].name, &a, &err), &err);
        assert_int_equal(a.type, written[i].store);
        fal_check_shape(written[i].name, &a, written[i].rank, written[i].shape);
        if (a.type == written[i].type)
            assert_memory_equal(a.data, written[i].data ? written[i].data : "", a.count * fal_npy_type_size(a.type));
        for (size_t k = 0; a.type == FAL_NPY_F16 && k < a.count; k++)
            assert_int_equal(((uint16_t *)a.data)[k], fal_f32_to_f16(audio[k]));
        fal_npy_free(&a);
    }
    fal_npz_free(&npz);
}

/* More elements than are converted at a time. */
static void test_long_half_array(void **state)
{
    (void)state;
    enum { N = 40000 };
    static float values[N];
    fal_error err = {0};
    const char *path = fal_temp_path("long.npz");
    for (int i = 0; i < N; i++)
        values[i] = (float)(i % 2048);
    fal_npz_member m = {.name = "x", .type = FAL_NPY_F32, .store = FAL_NPY_F16, .rank = 1, .shape = {N},
                        .data = values};
    fal_check_ok(fal_npz_write(path, &m, 1, &err), &err);
    fal_npy a = fal_golden_npz(path, "x");
    fal_check_close("long half", fal_npy_f32(&a), values, N, 0, 0);
    fal_npy_free(&a);
}

static void test_same_arrays_same_bytes(void **state)
{
    (void)state;
    fal_buf first = {0}, second = {0};
    fal_error err = {0};
    const char *path = fal_temp_path("same.npz");
    fal_check_ok(fal_npz_write(path, written, WRITTEN, &err), &err);
    fal_check_ok(fal_file_read(path, 0, &first, &err), &err);
    fal_check_ok(fal_npz_write(path, written, WRITTEN, &err), &err);
    fal_check_ok(fal_file_read(path, 0, &second, &err), &err);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    fal_buf_free(&first);
    fal_buf_free(&second);
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("bad.npz");
    fal_npz_member twice[2] = {written[0], written[0]};
    fal_check_fails(fal_npz_write(path, twice, 2, &err), FAL_ERR_ARGUMENT, "twice", &err);
    fal_npz_member type = written[0];
    type.store = FAL_NPY_F64;
    fal_check_fails(fal_npz_write(path, &type, 1, &err), FAL_ERR_ARGUMENT, "float64", &err);
    fal_npz_member rank = written[0];
    rank.rank = 9;
    fal_check_fails(fal_npz_write(path, &rank, 1, &err), FAL_ERR_ARGUMENT, "9", &err);
    fal_npz *npz = NULL;
    fal_check_fails(fal_npz_open(path, &npz, &err), FAL_ERR_NOT_FOUND, NULL, &err); /* nothing half-written is left */
}

static fal_status write_and_read(void *path, fal_error *err)
{
    fal_npz *npz = NULL;
    fal_npy a = {0};
    fal_status st = fal_npz_write(path, written, WRITTEN, err);
    if (st == FAL_OK)
        st = fal_npz_open(path, &npz, err);
    for (int i = 0; st == FAL_OK && i < WRITTEN; i++) {
        st = fal_npz_get(npz, written[i].name, &a, err);
        fal_npy_free(&a);
    }
    fal_npz_free(&npz);
    return st;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    fal_check_alloc_failures("npz write, read", write_and_read, (void *)fal_temp_path("alloc.npz"));
}

/* The array the official code takes from a file for an input type. */
static fal_npy official_array(const char *path, const char *input_type)
{
    static const char *const visual[] = {"visual", "video", "arr_0", NULL};
    static const char *const sound[] = {"audio", "arr_0", NULL};
    static const char *const both[] = {"multimodal", NULL};
    const char *const *keys = fal_str_eq(input_type, "video") ? visual : fal_str_eq(input_type, "audio") ? sound : both;
    fal_npz *npz = NULL;
    fal_error err = {0};
    if (fal_str_ends(path, ".npy"))
        return fal_golden_npy(path);
    fal_check_ok(fal_npz_open(path, &npz, &err), &err);
    while (keys[1] && !fal_npz_has(npz, keys[0]))
        keys++;
    fal_npz_free(&npz);
    return fal_golden_npz(path, keys[0]);
}

/* Every container variant of the reference, against what the official code hands to its model. */
static void test_official_feature_files(void **state)
{
    (void)state;
    fal_json *cases = NULL;
    fal_error err = {0};
    size_t compared = 0;
    fal_skip_without_reference();
    fal_check_ok(fal_json_read(fal_golden_path("heads/feature_files/expected.json"), &cases, &err), &err);
    for (size_t i = 0; i < fal_json_count(cases); i++) {
        const fal_json *entry = fal_json_at(cases, i);
        if (fal_json_bool(fal_json_get(entry, "apply_l2"), true))
            continue; /* normalised rows are the head's business */
        const char *file = fal_json_string(fal_json_get(entry, "file"), "");
        const char *loaded = fal_json_string(fal_json_get(entry, "loaded"), "");
        fal_npy want = fal_golden_npy(fal_golden_path("heads/feature_files/%s", loaded));
        fal_npy got = official_array(fal_golden_path("heads/feature_files/%s", file),
                                     fal_json_string(fal_json_get(entry, "input_type"), ""));
        assert_int_equal(got.count, want.count);
        fal_check_close(loaded, fal_npy_f32(&got), fal_npy_f32(&want), want.count, 0, 0);
        fal_npy_free(&want);
        fal_npy_free(&got);
        compared++;
    }
    fal_json_free(&cases);
    assert_int_equal(compared, 46);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_numpy_writes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_archives),
        cmocka_unit_test(test_damaged_members),
        cmocka_unit_test(test_written_arrays_come_back),
        cmocka_unit_test(test_long_half_array),
        cmocka_unit_test(test_same_arrays_same_bytes),
        cmocka_unit_test(test_what_cannot_be_written),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_official_feature_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
