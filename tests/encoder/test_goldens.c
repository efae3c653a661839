/* Every encoder golden through the public API, stage by stage: features, hidden states and the inner arrays the case
 * stores. One index file drives it: the copied synthetic cases always, all cases where the reference folder is. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "support/golden.h"
#include <falsetto/encoder.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 1024 };

typedef struct golden {
    const char *root; /* folder of index.json */
    const fal_json *entry;
    fal_json *facts; /* case.json */
    const char *id, *family;
    char folder[TEXT / 2]; /* where the stages of this input are */
    char stem[64];         /* AV-HuBERT: what comes before "_final.npy" */
    int stages;            /* compared so far */
} golden;

/* ---- stages ---- */

/* Strides that walk our array in the golden's order of axes; false: the order is the same. */
static bool golden_order(const char *stage, const fal_array *ours, int64_t strides[4])
{
    const int64_t *n = ours->shape;
    if (fal_str_eq(stage, "video_frontend3d")) /* golden [C,T,y,x], ours [T,y,x,C] */
        memcpy(strides, (int64_t[4]){1, n[1] * n[2] * n[3], n[2] * n[3], n[3]}, 4 * sizeof *strides);
    else if (fal_str_eq(stage, "video_trunk_layer4")) /* golden [T,C,y,x], ours [T,y,x,C] */
        memcpy(strides, (int64_t[4]){n[1] * n[2] * n[3], 1, n[2] * n[3], n[3]}, 4 * sizeof *strides);
    else if (fal_str_eq(stage, "audio_feat") || fal_str_eq(stage, "video_feat") || fal_str_eq(stage, "video_resnet"))
        memcpy(strides, (int64_t[4]){1, n[1]}, 4 * sizeof *strides); /* golden [D,T], ours [T,D] */
    else
        return false;
    return true;
}

/* The values of `ours` that the golden stores, in its order; freed with fal_free. */
static float *in_golden_order(const char *stage, const fal_array *ours, const fal_npy *want)
{
    int64_t stride[4], index[4] = {0};
    float *out = fal_malloc_array(want->count, sizeof *out);
    assert_non_null(out);
    if (!golden_order(stage, ours, stride)) {
        memcpy(out, ours->data, want->count * sizeof *out);
        return out;
    }
    for (size_t i = 0; i < want->count; i++) {
        int64_t at = 0;
        for (int axis = 0; axis < want->rank; axis++)
            at += index[axis] * stride[axis];
        out[i] = ((const float *)ours->data)[at];
        for (int axis = want->rank - 1; axis >= 0 && ++index[axis] == (int64_t)want->shape[axis]; axis--)
            index[axis] = 0;
    }
    return out;
}

/* Where the golden keeps a stage; false when it does not. */
static bool stage_path(const golden *g, const char *stage, char path[TEXT])
{
    bool of_stream = strncmp(stage, "audio_", 6) == 0 || strncmp(stage, "video_", 6) == 0;
    if (fal_str_eq(g->family, "wav2vec2"))
        snprintf(path, TEXT, "%s/%.64s.npy", g->folder, stage);
    else if (of_stream && strncmp(stage, g->stem, 5) == 0 && g->stem[5] == '\0')
        snprintf(path, TEXT, "%s/%.64s.npy", g->folder, stage);
    else
        snprintf(path, TEXT, "%s/%s_%.64s.npy", g->folder, g->stem, stage);
    return access(path, R_OK) == 0;
}

/* What case.json allows: one number per file (AV-HuBERT) or per stage (wav2vec2). */
static double stage_atol(const golden *g, const char *stage, const char *path)
{
    const fal_json *tolerance = fal_json_get(g->facts, "tolerance");
    if (fal_str_eq(g->family, "wav2vec2"))
        return fal_json_real(fal_json_get(fal_json_get(tolerance, "suggested_max_abs"), stage), 0);
    return fal_json_real(fal_json_get(fal_json_get(tolerance, fal_path_base(path)), "max_abs"), 0);
}

static void check_stage(void *user, const char *stage, const fal_array *value)
{
    golden *g = user;
    char path[TEXT], title[TEXT];
    int64_t count = 1;
    if (!stage_path(g, stage, path))
        return;
    fal_npy want = fal_golden_npy(path);
    for (int axis = 0; axis < value->rank; axis++)
        count *= value->shape[axis];
    bool first_frames = fal_str_eq(stage, "video_frontend3d"); /* the golden stores only some */
    if (first_frames ? (size_t)count < want.count : (size_t)count != want.count)
        fail_msg("%s %s: got %lld values, want %zu", g->id, stage, (long long)count, want.count);
    float *got = in_golden_order(stage, value, &want);
    snprintf(title, sizeof title, "%s %s", g->id, stage);
    double rtol = fal_json_real(fal_json_get(fal_json_get(g->facts, "tolerance"), "suggested_rel"), 0);
    fal_check_close(title, got, fal_npy_f32(&want), want.count, stage_atol(g, stage, path), rtol);
    fal_free(got);
    fal_npy_free(&want);
    g->stages++;
}

/* ---- features and hidden states ---- */

/* One expected array of index.json: `file` or `file[index]`, [rows, dim]. */
static void check_rows(const golden *g, const fal_json *expected, const char *what, const float *got, int64_t rows,
                       int64_t dim)
{
    char path[TEXT], title[TEXT];
    const fal_json *shape = fal_json_get(expected, "shape");
    assert_int_equal(rows, fal_json_int(fal_json_at(shape, 0), -1));
    assert_int_equal(dim, fal_json_int(fal_json_at(shape, 1), -1));
    snprintf(path, sizeof path, "%s/%s", g->root, fal_json_string(fal_json_get(expected, "file"), ""));
    fal_npy want = fal_golden_npy(path);
    size_t count = (size_t)(rows * dim), first = (size_t)fal_json_int(fal_json_get(expected, "index"), 0) * count;
    assert_true(first + count <= want.count);
    snprintf(title, sizeof title, "%s %s", g->id, what);
    fal_check_close(title, got, fal_npy_f32(&want) + first, count, fal_json_real(fal_json_get(expected, "atol"), 0),
                    fal_json_real(fal_json_get(expected, "rtol"), 0));
    fal_npy_free(&want);
}

static void check_encoding(const golden *g, const fal_encoding *got)
{
    const fal_json *hidden = fal_json_get(g->entry, "hidden");
    check_rows(g, fal_json_get(g->entry, "features"), "features", got->features, got->rows, got->dim);
    for (size_t i = 0; i < fal_json_count(hidden); i++) {
        const fal_json *expected = fal_json_at(hidden, i);
        size_t layer = (size_t)fal_json_int(fal_json_get(expected, "layer"), -1);
        char what[32];
        assert_true(layer < got->hidden_count);
        snprintf(what, sizeof what, "hidden_%zu", layer);
        assert_int_equal(got->hidden[layer].layer, layer);
        check_rows(g, expected, what, got->hidden[layer].data, got->hidden[layer].rows, got->hidden[layer].dim);
    }
}

/* ---- one entry ---- */

static fal_npy read_input(const golden *g, const char *name, fal_array *array)
{
    fal_npy npy = {0};
    char path[TEXT];
    const char *file = fal_json_string(fal_json_get(fal_json_get(g->entry, "inputs"), name), NULL);
    if (!file)
        return npy;
    snprintf(path, sizeof path, "%s/%s", g->root, file);
    npy = fal_golden_npy_raw(path);
    *array = (fal_array){
        .type = npy.type == FAL_NPY_U8 ? FAL_ELEMENT_U8 : FAL_ELEMENT_F32, .rank = npy.rank, .data = npy.data};
    for (int axis = 0; axis < npy.rank; axis++)
        array->shape[axis] = (int64_t)npy.shape[axis];
    return npy;
}

static fal_stream stream_of(const golden *g)
{
    const char *name = fal_json_string(fal_json_get(g->entry, "stream"), "none");
    for (int s = FAL_STREAM_AUDIO; s <= FAL_STREAM_AV; s++)
        if (fal_str_eq(name, fal_stream_name((fal_stream)s)))
            return (fal_stream)s;
    return (fal_stream)0;
}

/* Once with stages shown, which runs the front ends in one piece, and once without, in blocks: the same bytes. */
static void run_both_ways(golden *g, const fal_encoder *enc, const fal_encode_request *request)
{
    fal_error err = {0};
    fal_session *shown = NULL, *plain = NULL;
    fal_encoding a, b;
    fal_session_options options = {.stage = check_stage, .stage_user = g};
    fal_check_ok(fal_session_create(&options, &shown, &err), &err);
    fal_check_ok(fal_session_create(NULL, &plain, &err), &err);
    fal_check_ok(fal_encode(enc, shown, request, &a, &err), &err);
    check_encoding(g, &a);
    fal_check_ok(fal_encode(enc, plain, request, &b, &err), &err);
    assert_int_equal(a.rows, b.rows);
    assert_memory_equal(a.features, b.features, (size_t)(a.rows * a.dim) * sizeof *a.features);
    fal_session_free(&shown);
    fal_session_free(&plain);
}

static void run_entry(golden *g)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    char weights[TEXT];
    fal_array audio = {0}, video = {0};
    fal_npy audio_npy = read_input(g, "audio", &audio), video_npy = read_input(g, "video", &video);
    snprintf(weights, sizeof weights, "%s/%s", g->root, fal_json_string(fal_json_get(g->entry, "weights"), ""));
    fal_encoder_options options = {.heads =
                                       (int)fal_json_int(fal_json_get(fal_json_get(g->entry, "options"), "heads"), 0)};
    fal_check_ok(fal_encoder_open(weights, &options, &enc, &err), &err);
    assert_string_equal(fal_encoder_describe(enc)->family, g->family);
    fal_encode_request request = {.stream = stream_of(g),
                                  .audio = audio.data ? &audio : NULL,
                                  .video = video.data ? &video : NULL,
                                  .all_layers = true};
    run_both_ways(g, enc, &request);
    fal_encoder_free(&enc);
    fal_npy_free(&audio_npy);
    fal_npy_free(&video_npy);
}

static void locate(golden *g)
{
    const char *file = fal_json_string(fal_json_get(fal_json_get(g->entry, "features"), "file"), "");
    char path[TEXT];
    fal_error err = {0};
    snprintf(g->folder, sizeof g->folder, "%s/%.*s", g->root, (int)(fal_path_base(file) - file - 1), file);
    snprintf(g->stem, sizeof g->stem, "%.*s", (int)strcspn(fal_path_base(file), "."), fal_path_base(file));
    if (fal_str_ends(g->stem, "_final"))
        g->stem[strlen(g->stem) - strlen("_final")] = '\0';
    snprintf(path, sizeof path, "%s/%s/%s/case.json", g->root, g->family,
             fal_json_string(fal_json_get(g->entry, "case"), ""));
    fal_check_ok(fal_json_read(path, &g->facts, &err), &err);
}

static bool is_covered(const fal_json *entry)
{
    static const char *const registry[] = {"avhubert", "wav2vec2", "hubert"};
    for (size_t i = 0; i < sizeof registry / sizeof *registry; i++)
        if (fal_str_eq(registry[i], fal_json_string(fal_json_get(entry, "registry"), "")))
            return true;
    return false;
}

static void run_index(const char *root)
{
    char path[TEXT];
    fal_error err = {0};
    fal_json *json = NULL;
    size_t entries = 0;
    int stages = 0;
    snprintf(path, sizeof path, "%s/index.json", root);
    fal_check_ok(fal_json_read(path, &json, &err), &err);
    const fal_json *list = fal_json_get(json, "entries");
    for (size_t i = 0; i < fal_json_count(list); i++) {
        const fal_json *entry = fal_json_at(list, i);
        if (!is_covered(entry))
            continue;
        golden g = {.root = root,
                    .entry = entry,
                    .id = fal_json_string(fal_json_get(entry, "id"), ""),
                    .family = fal_json_string(fal_json_get(entry, "family"), "")};
        locate(&g);
        run_entry(&g);
        fal_json_free(&g.facts);
        entries++;
        stages += g.stages;
    }
    print_message("%zu entries and %d inner stages compared\n", entries, stages);
    fal_json_free(&json);
    assert_true(entries > 0 && stages > 0);
}

static void test_synthetic(void **state)
{
    (void)state;
    run_index(FAL_TEST_DATA);
}

static void test_all(void **state)
{
    (void)state;
    fal_skip_without_reference();
    run_index(FAL_REFERENCE_DIR "/goldens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_synthetic), cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
