#include "golden_run.h"

#include "core/alloc.h"
#include "core/str.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What has been compared so far, over all entries of an index. */
typedef struct tally {
    size_t entries, stages;
    double worst_share; /* largest error as a share of what is allowed there */
    char worst[GOLDEN_TEXT];
} tally;

typedef struct run {
    const golden_family *family;
    golden golden;
    tally *tally;
} run;

/* ---- comparing ---- */

static void check(run *r, const char *what, const float *got, const float *want, size_t count, double atol, double rtol)
{
    char title[GOLDEN_TEXT];
    snprintf(title, sizeof title, "%s %s", r->golden.id, what);
    fal_check_close(title, got, want, count, atol, rtol);
    for (size_t i = 0; i < count; i++) {
        double share = fabs((double)got[i] - want[i]) / (atol + rtol * fabs((double)want[i]));
        if (share > r->tally->worst_share) {
            r->tally->worst_share = share;
            snprintf(r->tally->worst, sizeof r->tally->worst, "%s", title);
        }
    }
}

bool golden_keeps(const golden *g, golden_stage *out, const char *name, ...)
{
    char file[GOLDEN_TEXT / 4];
    va_list args;
    va_start(args, name);
    vsnprintf(file, sizeof file, name, args);
    va_end(args);
    snprintf(out->path, sizeof out->path, "%s/%s.npy", g->folder, file);
    return access(out->path, R_OK) == 0;
}

void golden_transposed(golden_stage *out, const fal_array *ours, const int *order)
{
    int64_t stride[GOLDEN_AXES], step = 1;
    for (int axis = ours->rank - 1; axis >= 0; axis--) {
        stride[axis] = step;
        step *= ours->shape[axis];
    }
    for (int axis = 0; axis < ours->rank; axis++)
        out->stride[axis] = stride[order[axis]];
    out->strided = true;
}

static int64_t count_of(const fal_array *array)
{
    int64_t count = 1;
    for (int axis = 0; axis < array->rank; axis++)
        count *= array->shape[axis];
    return count;
}

/* The values of `ours` that the golden stores, in its order; freed with fal_free. */
static float *in_golden_order(const golden_stage *kept, const fal_array *ours, const fal_npy *want)
{
    int64_t index[GOLDEN_AXES] = {0}, count = count_of(ours);
    float *out = fal_malloc_array(want->count, sizeof *out);
    assert_non_null(out);
    assert_in_range(want->rank, 1, GOLDEN_AXES);
    for (size_t i = 0; i < want->count; i++) {
        int64_t at = kept->strided ? kept->offset : (int64_t)i;
        for (int axis = 0; kept->strided && axis < want->rank; axis++)
            at += index[axis] * kept->stride[axis];
        assert_in_range(at, 0, count - 1);
        out[i] = ((const float *)ours->data)[at];
        for (int axis = want->rank - 1; axis >= 0 && ++index[axis] == (int64_t)want->shape[axis]; axis--)
            index[axis] = 0;
    }
    return out;
}

static void check_stage(void *user, const char *stage, const fal_array *ours)
{
    run *r = user;
    golden_stage kept = {0};
    if (!r->family->find_stage(&r->golden, stage, ours, &kept))
        return;
    fal_npy want = fal_golden_npy(kept.path);
    if (!kept.strided && (size_t)count_of(ours) != want.count)
        fail_msg("%s %s: got %lld values, want %zu", r->golden.id, stage, (long long)count_of(ours), want.count);
    float *got = in_golden_order(&kept, ours, &want);
    check(r, stage, got, fal_npy_f32(&want), want.count, kept.atol, kept.rtol);
    fal_free(got);
    fal_npy_free(&want);
    r->tally->stages++;
}

/* ---- features and hidden states ---- */

/* One expected array of index.json: `file` or `file[index]`, [rows, dim]. */
static void check_rows(run *r, const fal_json *expected, const char *what, const float *got, int64_t rows, int64_t dim)
{
    char path[GOLDEN_TEXT];
    const fal_json *shape = fal_json_get(expected, "shape");
    assert_int_equal(rows, fal_json_int(fal_json_at(shape, 0), -1));
    assert_int_equal(dim, fal_json_int(fal_json_at(shape, 1), -1));
    snprintf(path, sizeof path, "%s/%s", r->golden.root, fal_json_string(fal_json_get(expected, "file"), ""));
    fal_npy want = fal_golden_npy(path);
    size_t count = (size_t)(rows * dim), first = (size_t)fal_json_int(fal_json_get(expected, "index"), 0) * count;
    assert_true(first + count <= want.count);
    check(r, what, got, fal_npy_f32(&want) + first, count, fal_json_real(fal_json_get(expected, "atol"), 0),
          fal_json_real(fal_json_get(expected, "rtol"), 0));
    fal_npy_free(&want);
}

static void check_encoding(run *r, const fal_encoding *got)
{
    const fal_json *hidden = fal_json_get(r->golden.entry, "hidden");
    check_rows(r, fal_json_get(r->golden.entry, "features"), "features", got->features, got->rows, got->dim);
    for (size_t i = 0; i < fal_json_count(hidden); i++) {
        const fal_json *expected = fal_json_at(hidden, i);
        size_t layer = (size_t)fal_json_int(fal_json_get(expected, "layer"), -1);
        char what[32];
        assert_true(layer < got->hidden_count);
        snprintf(what, sizeof what, "hidden_%zu", layer);
        assert_int_equal(got->hidden[layer].layer, layer);
        check_rows(r, expected, what, got->hidden[layer].data, got->hidden[layer].rows, got->hidden[layer].dim);
    }
}

static void check_same_bytes(const fal_encoding *a, const fal_encoding *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_memory_equal(a->features, b->features, (size_t)(a->rows * a->dim) * sizeof *a->features);
    assert_int_equal(a->hidden_count, b->hidden_count);
    for (size_t i = 0; i < a->hidden_count; i++)
        assert_memory_equal(a->hidden[i].data, b->hidden[i].data,
                            (size_t)(a->hidden[i].rows * a->hidden[i].dim) * sizeof(float));
}

/* ---- one entry ---- */

static fal_npy read_input(const golden *g, const char *name, fal_array *array)
{
    fal_npy npy = {0};
    char path[GOLDEN_TEXT];
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

/* 0: the encoder has one input, and the entry leaves the stream out. */
static fal_stream stream_of(const golden *g)
{
    const char *name = fal_json_string(fal_json_get(g->entry, "stream"), "none");
    for (int s = FAL_STREAM_AUDIO; s <= FAL_STREAM_AV; s++)
        if (fal_str_eq(name, fal_stream_name((fal_stream)s)))
            return (fal_stream)s;
    return (fal_stream)0;
}

static void run_both_ways(run *r, const fal_encoder *enc, const fal_encode_request *request)
{
    fal_error err = {0};
    fal_session *shown = NULL, *plain = NULL;
    fal_encoding a, b;
    fal_session_options options = {.stage = check_stage, .stage_user = r};
    fal_check_ok(fal_session_create(&options, &shown, &err), &err);
    fal_check_ok(fal_session_create(NULL, &plain, &err), &err);
    fal_check_ok(fal_encode(enc, shown, request, &a, &err), &err);
    check_encoding(r, &a);
    fal_check_ok(fal_encode(enc, plain, request, &b, &err), &err);
    check_same_bytes(&a, &b);
    fal_session_free(&shown);
    fal_session_free(&plain);
}

static void run_entry(run *r)
{
    const golden *g = &r->golden;
    fal_error err = {0};
    fal_encoder *enc = NULL;
    char weights[GOLDEN_TEXT];
    fal_array audio = {0}, video = {0};
    fal_npy audio_npy = read_input(g, "audio", &audio), video_npy = read_input(g, "video", &video);
    const fal_json *heads = fal_json_get(fal_json_get(g->entry, "options"), "heads");
    fal_encoder_options options = {.heads = (int)fal_json_int(heads, 0)};
    snprintf(weights, sizeof weights, "%s/%s", g->root, fal_json_string(fal_json_get(g->entry, "weights"), ""));
    fal_check_ok(fal_encoder_open(weights, &options, &enc, &err), &err);
    assert_string_equal(fal_encoder_describe(enc)->family, g->registry);
    fal_encode_request request = {.stream = stream_of(g),
                                  .audio = audio.data ? &audio : NULL,
                                  .video = video.data ? &video : NULL,
                                  .all_layers = fal_json_count(fal_json_get(g->entry, "hidden")) > 0};
    run_both_ways(r, enc, &request);
    fal_encoder_free(&enc);
    fal_npy_free(&audio_npy);
    fal_npy_free(&video_npy);
}

/* Where the entry's stages are, and the facts of its case. */
static void locate(golden *g)
{
    const char *file = fal_json_string(fal_json_get(fal_json_get(g->entry, "features"), "file"), "");
    char path[GOLDEN_TEXT];
    fal_error err = {0};
    snprintf(g->folder, sizeof g->folder, "%s/%.*s", g->root, (int)(fal_path_base(file) - file - 1), file);
    snprintf(g->stem, sizeof g->stem, "%.*s", (int)strcspn(fal_path_base(file), "."), fal_path_base(file));
    snprintf(path, sizeof path, "%s/%s/%s/case.json", g->root, fal_json_string(fal_json_get(g->entry, "family"), ""),
             fal_json_string(fal_json_get(g->entry, "case"), ""));
    fal_check_ok(fal_json_read(path, &g->facts, &err), &err);
}

/* ---- all entries ---- */

static bool is_of(const golden_family *family, const fal_json *entry)
{
    for (int i = 0; i < GOLDEN_FAMILIES && family->registry[i]; i++)
        if (fal_str_eq(family->registry[i], fal_json_string(fal_json_get(entry, "registry"), "")))
            return true;
    return false;
}

static void run_index(const golden_family *family, const char *root)
{
    char path[GOLDEN_TEXT];
    fal_error err = {0};
    fal_json *json = NULL;
    tally total = {0};
    snprintf(path, sizeof path, "%s/index.json", root);
    fal_check_ok(fal_json_read(path, &json, &err), &err);
    const fal_json *list = fal_json_get(json, "entries");
    for (size_t i = 0; i < fal_json_count(list); i++) {
        const fal_json *entry = fal_json_at(list, i);
        if (!is_of(family, entry))
            continue;
        run r = {.family = family, .tally = &total};
        r.golden = (golden){.root = root,
                            .entry = entry,
                            .id = fal_json_string(fal_json_get(entry, "id"), ""),
                            .registry = fal_json_string(fal_json_get(entry, "registry"), "")};
        locate(&r.golden);
        run_entry(&r);
        fal_json_free(&r.golden.facts);
        total.entries++;
    }
    print_message("%zu entries and %zu inner stages compared; largest share of a tolerance %.3f (%s)\n", total.entries,
                  total.stages, total.worst_share, total.worst);
    fal_json_free(&json);
    assert_true(total.entries > 0 && total.stages > 0);
}

static void test_copied(void **state)
{
    run_index(*state, FAL_TEST_DATA);
}

static void test_reference(void **state)
{
    fal_skip_without_reference();
    run_index(*state, FAL_REFERENCE_DIR "/goldens");
}

int golden_main(const golden_family *family)
{
    void *state = (void *)family; /* cmocka's states are not const; nobody writes this one */
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_copied, state),
                                       cmocka_unit_test_prestate(test_reference, state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
