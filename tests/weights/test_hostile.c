/* Files that lie: each must be refused with a sentence that says what is wrong, at no cost in memory or time. */
#include "weights_support.h"

#include "core/alloc.h"
#include "core/file.h"
#include "support/alloc_fail.h"
#include "weights/container.h"

#include <dirent.h>
#include <string.h>

static const struct {
    const char *file;
    fal_status status;
    const char *text;
} cases[] = {
    {"zip_truncated.pt", FAL_ERR_FORMAT, "downloaded only in part"},
    {"zip_no_end.pt", FAL_ERR_FORMAT, "downloaded only in part"},
    {"zip_giant_member.pt", FAL_ERR_FORMAT, "leaves the file"},
    {"zip_inflate_bomb.pt", FAL_ERR_UNSUPPORTED, "would take 1099511627776 bytes"},
    {"zip_inflate_short.pt", FAL_ERR_FORMAT, "does not inflate to its 1000 bytes"},
    {"zip_inflate_long.pt", FAL_ERR_FORMAT, "does not inflate to its 24 bytes"},
    {"zip64_count.pt", FAL_ERR_FORMAT, "a directory of 9223372036854775808 members"},
    {"zip64_directory.pt", FAL_ERR_FORMAT, "in 18446744073709551615 bytes"},
    {"zip64_place.pt", FAL_ERR_FORMAT, "at byte 9223372036854775808"},
    {"zip_count.pt", FAL_ERR_FORMAT, "a directory of 60000 members"},
    {"zip_same_name.pt", FAL_ERR_FORMAT, "two members are called m/data.pkl"},
    {"zip_two_pickles.pt", FAL_ERR_FORMAT, "two pickles"},
    {"zip_encrypted.pt", FAL_ERR_UNSUPPORTED, "encrypted"},
    {"zip_method.pt", FAL_ERR_UNSUPPORTED, "method 12"},
    {"zip_no_pickle.zip", FAL_ERR_UNSUPPORTED, "without data.pkl"},
    {"zip_big_endian.pt", FAL_ERR_UNSUPPORTED, "not little-endian"},
    {"zip_member_outside.pt", FAL_ERR_FORMAT, "m/data/0 is not at byte"},
    {"zip_member_elsewhere.pt", FAL_ERR_FORMAT, "m/data/0 is not at byte 0"},
    {"zip_overlap.pt", FAL_ERR_FORMAT, "members overlap"},
    {"pickle_missing_data.pt", FAL_ERR_FORMAT, "missing: m/data/1"},
    {"pickle_storage_too_large.pt", FAL_ERR_FORMAT, "has 24 bytes, its tensors need 28"},
    {"pickle_tensor_outside.pt", FAL_ERR_FORMAT, "[3,3] at offset 0 leaves its storage of 6"},
    {"pickle_offset_outside.pt", FAL_ERR_FORMAT, "[2,3] at offset 1 leaves its storage of 6"},
    {"pickle_stride_overflow.pt", FAL_ERR_FORMAT, "leaves its storage"},
    {"pickle_shape_overflow.pt", FAL_ERR_FORMAT, "leaves its storage"},
    {"pickle_negative_stride.pt", FAL_ERR_FORMAT, "malformed"},
    {"pickle_broadcast_bomb.pt", FAL_ERR_FORMAT, "repeats a storage of 6 elements"},
    {"pickle_numel_overflow.pt", FAL_ERR_FORMAT, "4611686018427387904 elements"},
    {"pickle_unknown_storage.pt", FAL_ERR_UNSUPPORTED, "torch.StrangeStorage"},
    {"pickle_self_dict.pt", FAL_ERR_FORMAT, "in themselves"},
    {"pickle_laughs.pt", FAL_ERR_FORMAT, "entries among the weights"},
    {"pickle_laughs_deep.pt", FAL_ERR_FORMAT, "nested more than 32 deep"},
    {"pickle_no_weights.pt", FAL_ERR_FORMAT, "its keys are: optimizer, epoch"},
    {"pickle_module.pt", FAL_ERR_FORMAT, "an instance of models.Net"},
    {"pickle_same_name.pt", FAL_ERR_FORMAT, "two tensors called a"},
    {"pickle_nul_name.pt", FAL_ERR_FORMAT, "NUL"},
    {"pickle_long_name.pt", FAL_ERR_FORMAT, "too long"},
    {"legacy_truncated.pt", FAL_ERR_FORMAT, "downloaded only in part"},
    {"legacy_count.pt", FAL_ERR_FORMAT, "2305843009213693958 elements"},
    {"legacy_twice.pt", FAL_ERR_FORMAT, "listed twice"},
    {"legacy_unlisted.pt", FAL_ERR_FORMAT, "storage 22 is not listed"},
    {"legacy_stray.pt", FAL_ERR_FORMAT, "never used"},
    {"legacy_big_endian.pt", FAL_ERR_UNSUPPORTED, "not little-endian"},
    {"legacy_protocol.pt", FAL_ERR_UNSUPPORTED, "1002"},
    {"legacy_two_sizes.pt", FAL_ERR_FORMAT, "two sizes"},
    {"legacy_view_outside.pt", FAL_ERR_FORMAT, "leaves its 24 bytes"},
    {"st_header_huge.safetensors", FAL_ERR_FORMAT, "header of 9223372036854775808 bytes"},
    {"st_header_long.safetensors", FAL_ERR_FORMAT, "header of 1000 bytes"},
    {"st_header_cut.safetensors", FAL_ERR_FORMAT, "not valid JSON"},
    {"st_truncated.safetensors", FAL_ERR_FORMAT, "ends at byte 24 of the data, the file has 16"},
    {"st_overlap.safetensors", FAL_ERR_FORMAT, "a and b overlap"},
    {"st_bytes.safetensors", FAL_ERR_FORMAT, "a is F32 [4] but has 12 bytes"},
    {"st_backwards.safetensors", FAL_ERR_FORMAT, "data_offsets"},
    {"st_negative.safetensors", FAL_ERR_FORMAT, "data_offsets"},
    {"st_shape_negative.safetensors", FAL_ERR_FORMAT, "no list of sizes"},
    {"st_shape_overflow.safetensors", FAL_ERR_FORMAT, "no list of sizes"},
    {"st_shape_hidden_overflow.safetensors", FAL_ERR_FORMAT, "no list of sizes"},
    {"st_rank.safetensors", FAL_ERR_FORMAT, "9 dimensions"},
    {"st_offsets_missing.safetensors", FAL_ERR_FORMAT, "data_offsets"},
    {"st_same_name.safetensors", FAL_ERR_FORMAT, "duplicate"},
    {"st_deep.safetensors", FAL_ERR_FORMAT, "nested"},
    {"st_entry_number.safetensors", FAL_ERR_FORMAT, "a has no dtype"},
    {"st_metadata_number.safetensors", FAL_ERR_FORMAT, "metadata \"n\" is not text"},
    {"st_config_broken.safetensors", FAL_ERR_FORMAT, "not valid JSON"},
    {"empty.pt", FAL_ERR_FORMAT, "an empty file"},
    {"zeros.pt", FAL_ERR_FORMAT, "unfinished download"},
    {"lfs.pt", FAL_ERR_FORMAT, "Git LFS pointer"},
    {"page.pt", FAL_ERR_FORMAT, "a web page"},
    {"error.json.pt", FAL_ERR_FORMAT, "a JSON text"},
    {"gzip.pt", FAL_ERR_UNSUPPORTED, "gzip"},
    {"seven.pt", FAL_ERR_UNSUPPORTED, "7z"},
    {"tar.pt", FAL_ERR_UNSUPPORTED, "tar archive"},
    {"onnx.pt", FAL_ERR_UNSUPPORTED, "an ONNX model"},
    {"saved_model.pb", FAL_ERR_UNSUPPORTED, "a TensorFlow model"},
    {"hdf5.h5", FAL_ERR_UNSUPPORTED, "HDF5"},
    {"array.npy", FAL_ERR_UNSUPPORTED, "NumPy array"},
    {"plain.pkl", FAL_ERR_UNSUPPORTED, "PyTorch did not write"},
    {"text.pt", FAL_ERR_UNSUPPORTED, "neither safetensors nor a PyTorch file"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = fal_data_path("hostile/%s", cases[i].file);
        fal_checkpoint *ckpt = NULL;
        fal_error err = {0};
        fal_check_fails(fal_checkpoint_open(path, NULL, &ckpt, &err), cases[i].status, cases[i].text, &err);
        assert_null(ckpt);
        if (!strstr(err.text, cases[i].file))
            fail_msg("\"%s\" does not name %s", err.text, cases[i].file);
    }
}

/* Every file of the folder is either a case above or one that must open. */
static void test_the_rest_opens(void **state)
{
    (void)state;
    DIR *dir = opendir(fal_data_path("hostile"));
    size_t refused = 0;
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t i = 0;
        while (i < sizeof cases / sizeof *cases && strcmp(cases[i].file, entry->d_name) != 0)
            i++;
        refused += i < sizeof cases / sizeof *cases;
        if (entry->d_name[0] == '.' || i < sizeof cases / sizeof *cases)
            continue;
        fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/%s", entry->d_name));
        assert_true(fal_checkpoint_count(ckpt) > 0);
        fal_checkpoint_free(&ckpt);
    }
    closedir(dir);
    assert_int_equal(refused, sizeof cases / sizeof *cases);
}

/* ---- every prefix, every byte, every allocation ---- */

static const char *const sound[] = {"ok.pt", "ok_zip64.pt", "ok_deflated.pt", "ok_misaligned.pt", "ok_legacy.pt",
                                    "ok_legacy_view.pt", "ok_rebuilds.pt", "ok_nested.pt", "ok.safetensors",
                                    "ok_misaligned.safetensors"};
enum { SOUND = sizeof sound / sizeof *sound };

static fal_buf read_sound(size_t i)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_data_path("hostile/%s", sound[i]), 0, &bytes, &err), &err);
    return bytes;
}

static fal_status parse(const void *bytes, size_t size, fal_error *err)
{
    fal_source source = {.bytes = bytes, .size = size, .origin = "test"};
    fal_checkpoint *ckpt = NULL;
    fal_status st = fal_checkpoint_parse(&source, NULL, &ckpt, err);
    fal_checkpoint_free(&ckpt);
    return st;
}

static void test_every_prefix_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOUND; i++) {
        fal_buf bytes = read_sound(i);
        fal_error err = {0};
        fal_check_ok(parse(bytes.data, bytes.length, &err), &err);
        for (size_t length = 0; length < bytes.length; length++) {
            char *copy = fal_malloc(length); /* of its own, so that a sanitizer sees a read beyond it */
            assert_non_null(copy);
            memcpy(copy, bytes.data, length);
            if (parse(copy, length, &err) == FAL_OK)
                fail_msg("%s: its first %zu of %zu bytes opened", sound[i], length, bytes.length);
            fal_free(copy);
        }
        fal_buf_free(&bytes);
    }
}

static void test_changed_bytes_are_harmless(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < SOUND; i++) {
        fal_buf bytes = read_sound(i);
        size_t opened = 0;
        for (size_t at = 0; at < bytes.length; at++)
            for (size_t f = 0; f < sizeof flips; f++) {
                fal_error err = {0};
                bytes.data[at] = (char)((uint8_t)bytes.data[at] ^ flips[f]);
                fal_status st = parse(bytes.data, bytes.length, &err);
                opened += st == FAL_OK;
                assert_true(st == FAL_OK || err.text[0] != '\0');
                bytes.data[at] = (char)((uint8_t)bytes.data[at] ^ flips[f]);
            }
        print_message("%s: %zu of %zu changes went unnoticed\n", sound[i], opened, bytes.length * sizeof flips);
        fal_buf_free(&bytes);
    }
}

static fal_status open_case(void *user, fal_error *err)
{
    fal_checkpoint *ckpt = NULL;
    fal_status st = fal_checkpoint_open(user, NULL, &ckpt, err);
    fal_checkpoint_free(&ckpt);
    return st;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOUND; i++) {
        char *path = fal_strdup(fal_data_path("hostile/%s", sound[i]));
        fal_check_alloc_failures(sound[i], open_case, path);
        fal_free(path);
    }
    char *folder = fal_strdup(fal_data_path("wav2vec2/w2v2-xlsr-sharded/model"));
    fal_check_alloc_failures("sharded folder", open_case, folder);
    fal_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_the_rest_opens),
        cmocka_unit_test(test_every_prefix_fails),
        cmocka_unit_test(test_changed_bytes_are_harmless),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
