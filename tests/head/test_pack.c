/* Packed features: the same clips as in memory, noticed changes, damaged files; every kind of head on float16 rows. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/half.h"
#include "core/npy.h"
#include "core/rng.h"
#include "core/str.h"
#include "feature/pack.h"
#include "head/head.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CLIPS = 7, DIM = 6, MISSING = 3, EMPTY = 5 };

/* Clip 3 has no file, clip 5 no frames, the first row of clip 1 is zero. */
static void write_clip(const char *root, int i, uint64_t seed)
{
    float visual[16 * DIM], audio[16 * 2 * DIM];
    fal_error err = {0};
    const size_t frames = i == EMPTY ? 0 : (size_t)(4 + i);
    fal_rng_fill_normal(seed, (uint64_t)i, 0, 0, 3, visual, sizeof visual / sizeof *visual);
    fal_rng_fill_normal(seed, (uint64_t)i + 100, 0, 0, 3, audio, sizeof audio / sizeof *audio);
    if (i == 1)
        memset(visual, 0, DIM * sizeof *visual);
    const fal_npz_member members[] = {
        {.name = "visual",
         .type = FAL_NPY_F32,
         .store = FAL_NPY_F32,
         .rank = 2,
         .shape = {frames, DIM},
         .data = visual},
        {.name = "audio",
         .type = FAL_NPY_F32,
         .store = FAL_NPY_F32,
         .rank = 2,
         .shape = {frames + (i == 2), 2 * DIM},
         .data = audio},
    };
    fal_check_ok(fal_npz_write(fal_temp_path("%s/c%d.npz", root, i), members, 2, &err), &err);
}

static fal_feature_query make_features(const char *root)
{
    char text[256] = "path,label\n";
    fal_error err = {0};
    for (int i = 0; i < CLIPS; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "c%d.mp4,%d\n", i, i % 2);
        if (i != MISSING)
            write_clip(root, i, 1);
    }
    fal_check_ok(fal_file_write(fal_temp_path("%s/list.csv", root), text, strlen(text), &err), &err);
    return (fal_feature_query){.csv = fal_temp_path("%s/list.csv", root),
                               .root = fal_temp_path("%s", root),
                               .arrays = "visual+audio",
                               .l2_normalise = true,
                               .threads = 1};
}

/* ---- what is in it ---- */

static void compare_sets(const fal_feature_set *got, const fal_feature_set *want, double tolerance)
{
    float scratch[32 * 3 * DIM];
    assert_int_equal(got->dim, want->dim);
    assert_int_equal(got->count, want->count);
    assert_int_equal(got->missing, want->missing);
    assert_int_equal(got->empty, want->empty);
    assert_int_equal(got->zero_rows, want->zero_rows);
    for (size_t i = 0; i < got->count; i++) {
        const fal_clip_features *a = &got->clips[i], *b = &want->clips[i];
        assert_string_equal(a->path, b->path);
        assert_int_equal(a->label, b->label);
        assert_int_equal(a->frames, b->frames);
        assert_true((uintptr_t)(a->half ? (const void *)a->half : (const void *)a->rows) % 64 == 0);
        if (a->frames)
            fal_check_close(a->path, fal_clip_rows(a, got->dim, 0, a->frames, scratch), b->rows,
                            (size_t)(a->frames * got->dim), tolerance, tolerance);
    }
}

static void check_pack(fal_feature_query query, double tolerance)
{
    fal_feature_set packed, read;
    fal_feature_parts parts, other;
    fal_error err = {0};
    char *path = fal_pack_path(&query, NULL);
    assert_non_null(path);
    assert_non_null(strstr(path, "/packed/list-"));
    fal_check_ok(fal_feature_set_read(&query, &read, &other, &err), &err);
    query.threads = 3;
    fal_check_ok(fal_pack_read(&query, path, NULL, &packed, &parts, &err), &err);
    assert_int_equal(read.count, CLIPS - 1);
    assert_int_equal(read.missing, 1);
    assert_int_equal(read.empty, 1);
    compare_sets(&packed, &read, tolerance);
    assert_int_equal(parts.count, other.count);
    assert_memory_equal(parts.dims, other.dims, parts.count * sizeof *parts.dims);
    fal_feature_set_free(&packed);
    fal_feature_set_free(&read);
    fal_free(path);
}

static void test_same_clips_as_in_memory(void **state)
{
    (void)state;
    fal_feature_query query = make_features("same");
    check_pack(query, 1.0 / 2048); /* float16: half a unit in the last of 11 bits; rows have length 1 */
    query.arrays = "audio";
    check_pack(query, 1.0 / 2048);
    query.l2_normalise = false; /* any range of values: float32 */
    check_pack(query, 0);
}

/* ---- when it is made anew ---- */

static struct timespec packed_at(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mtim;
}

/* Opens the packed file; true when it was written by this call. */
static bool written(const fal_feature_query *query, const char *path, size_t missing)
{
    fal_feature_set set;
    fal_error err = {0};
    struct timespec before = fal_path_exists(path) ? packed_at(path) : (struct timespec){0};
    fal_check_ok(fal_pack_read(query, path, NULL, &set, NULL, &err), &err);
    assert_int_equal(set.missing, missing);
    fal_feature_set_free(&set);
    struct timespec after = packed_at(path);
    return before.tv_sec != after.tv_sec || before.tv_nsec != after.tv_nsec;
}

static void test_changed_sources_are_noticed(void **state)
{
    (void)state;
    fal_feature_query query = make_features("changed");
    fal_error err = {0};
    const char *path = fal_temp_path("changed/list.pack"), *list = "path,label\nc0.mp4,1\nc3.mp4,0\n";
    assert_true(written(&query, path, 1));
    assert_false(written(&query, path, 1));
    write_clip("changed", 2, 2); /* other numbers, the same size: its time tells */
    assert_true(written(&query, path, 1));
    write_clip("changed", MISSING, 1);
    assert_true(written(&query, path, 0));
    assert_false(written(&query, path, 0));
    fal_check_ok(fal_file_write(query.csv, list, strlen(list), &err), &err);
    assert_true(written(&query, path, 0));
    query.arrays = "visual";
    assert_true(written(&query, path, 0));
}

/* ---- damaged files ---- */

static void test_damaged_files(void **state)
{
    (void)state;
    fal_feature_query query = make_features("damaged");
    fal_buf whole = {0};
    fal_error err = {0};
    const char *path = fal_temp_path("damaged/list.pack"), *broken = fal_temp_path("damaged/broken.pack");
    assert_true(written(&query, path, 1));
    fal_check_ok(fal_file_read(path, 0, &whole, &err), &err);
    for (size_t length = 0; length < whole.length; length += 97) {
        fal_feature_set set = {0};
        fal_check_ok(fal_file_write(broken, whole.data, length, &err), &err);
        fal_check_fails(fal_pack_open(broken, NULL, &set, NULL, &err), FAL_ERR_FORMAT, "damaged", &err);
        assert_null(set.storage);
    }
    assert_true(written(&query, broken, 1)); /* made anew over the damaged one */
    assert_false(written(&query, broken, 1));
    fal_buf_free(&whole);
}

/* Every byte of header and index changed in turn: refused, or a set whose rows lie in the file. */
static void test_changed_bytes(void **state)
{
    (void)state;
    fal_feature_query query = make_features("bytes");
    fal_buf whole = {0};
    fal_error err = {0};
    size_t opened = 0, refused = 0;
    float scratch[32 * 3 * DIM];
    const char *path = fal_temp_path("bytes/list.pack"), *broken = fal_temp_path("bytes/broken.pack");
    assert_true(written(&query, path, 1));
    fal_check_ok(fal_file_read(path, 0, &whole, &err), &err);
    for (size_t at = 0; at < whole.length; at += at < 160 || at > whole.length - 400 ? 1 : 61) {
        fal_feature_set set = {0};
        const char kept = whole.data[at];
        whole.data[at] = (char)(kept ^ 0x81);
        fal_check_ok(fal_file_write(broken, whole.data, whole.length, &err), &err);
        whole.data[at] = kept;
        if (fal_pack_open(broken, NULL, &set, NULL, &err) != FAL_OK) {
            refused++;
            continue;
        }
        opened++;
        for (size_t i = 0; i < set.count; i++)
            if (set.clips[i].frames > 0)
                fal_clip_rows(&set.clips[i], set.dim, set.clips[i].frames - 1, 1, scratch);
        fal_feature_set_free(&set);
    }
    print_message("one byte changed: %zu files refused, %zu opened\n", refused, opened);
    assert_true(refused > 20 && opened > 20);
    fal_buf_free(&whole);
}

/* ---- heads on float16 rows ---- */

enum { H_CLIPS = 4, H_DIM = 12, H_FRAMES = 9 };

typedef struct rows {
    float wide[H_CLIPS][H_FRAMES * H_DIM];
    uint16_t half[H_CLIPS][H_FRAMES * H_DIM];
    fal_clip_features clips[2][H_CLIPS]; /* float32, float16 */
} rows;

static void make_rows(rows *r)
{
    for (int i = 0; i < H_CLIPS; i++) {
        fal_rng_fill_normal(9, (uint64_t)i, 0, 0, 0.3f, r->wide[i], H_FRAMES * H_DIM);
        fal_f32_to_f16_n(r->wide[i], r->half[i], H_FRAMES * H_DIM);
        fal_f16_to_f32_n(r->half[i], r->wide[i], H_FRAMES * H_DIM);
        r->clips[0][i] =
            (fal_clip_features){.path = "clip", .label = i % 2, .frames = H_FRAMES - i, .rows = r->wide[i]};
        r->clips[1][i] =
            (fal_clip_features){.path = "clip", .label = i % 2, .frames = H_FRAMES - i, .half = r->half[i]};
    }
}

static fal_training_report fit_on(const fal_head_kind *kind, rows *r, int side, fal_head **head)
{
    fal_training_report report;
    fal_error err = {0};
    const fal_feature_set set = {.dim = H_DIM, .count = H_CLIPS, .clips = r->clips[side]};
    const fal_head_shape shape = {.parts = 2, .dims = {H_DIM / 2, H_DIM / 2}, .dim = H_DIM},
                         joined = {.parts = 1, .dims = {H_DIM}, .dim = H_DIM};
    const fal_head_training training = {.width = 8, .heads = 2, .layers = 1, .ffn = 8, .tau = 2, .max_epochs = 3};
    const bool one_part = !strcmp(kind->name, "probe") || !strcmp(kind->name, "transformer");
    fal_check_ok(fal_head_create(kind, one_part ? &joined : &shape, NULL, &training, head, &err), &err);
    fal_check_ok(fal_head_fit(*head, &training, &set, &set, &report, &err), &err);
    return report;
}

static void test_every_kind_reads_float16(void **state)
{
    (void)state;
    static rows r;
    make_rows(&r);
    for (size_t k = 0; k < fal_head_kind_count(); k++) {
        const fal_head_kind *kind = fal_head_kind_at(k);
        fal_head *heads[2];
        fal_training_report reports[2];
        for (int side = 0; side < 2; side++)
            reports[side] = fit_on(kind, &r, side, &heads[side]);
        print_message("%s: validation loss %.6f and %.6f\n", kind->name, reports[0].best_validation_loss,
                      reports[1].best_validation_loss);
        assert_memory_equal(heads[0]->params.values, heads[1]->params.values, heads[0]->params.count * sizeof(float));
        assert_memory_equal(&reports[0].calibration, &reports[1].calibration, sizeof reports[0].calibration);
        for (int side = 0; side < 2; side++) {
            fal_training_report_free(&reports[side]);
            fal_head_free(&heads[side]);
        }
    }
}

/* ---- allocation ---- */

typedef struct packing {
    fal_feature_query query;
    const char *path;
} packing;

static fal_status pack_and_open(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const packing *p = user;
    fal_feature_set set = {0};
    remove(p->path);
    FAL_TRY(fal_pack_read(&p->query, p->path, NULL, &set, NULL, err));
    fal_feature_set_free(&set);
    FAL_TRY(fal_feature_set_read(&p->query, &set, NULL, err));
done:
    fal_feature_set_free(&set);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    packing p = {.query = make_features("alloc"), .path = fal_temp_path("alloc/list.pack")};
    fal_check_alloc_failures("pack, open, read", pack_and_open, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_clips_as_in_memory),
        cmocka_unit_test(test_changed_sources_are_noticed),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_every_kind_reads_float16),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
