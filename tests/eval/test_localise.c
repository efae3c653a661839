/* Frame labels, localisation, AP@IoU and AR@N against reference numbers; segments from scores; files that lie. */
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "support/alloc_fail.h"
#include "support/golden.h"
#include <falsetto/localise.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CLIPS = 16, MAX_FRAMES = 1024 };

static const char *const fields[] = {"fake_segments", "audio_fake_segments", "visual_fake_segments"};
static const char *const rules[] = {"loader", "overlap", "center"};
static const char *const pools[] = {"fake_only", "all"};

/* The reference's clips with their frame scores. */
typedef struct material {
    fal_truth truth;
    fal_frame_scores clips[MAX_CLIPS];
    fal_npy scores[MAX_CLIPS];
} material;

static void load(material *m)
{
    fal_error err = {0};
    fal_json *offsets = NULL;
    fal_check_ok(fal_truth_read(fal_data_path("metrics/localization/metadata.json"), &m->truth, &err), &err);
    fal_check_ok(fal_json_read(fal_data_path("metrics/localization/offsets.json"), &offsets, &err), &err);
    assert_int_equal(m->truth.count, 12);
    for (size_t i = 0; i < m->truth.count; i++) {
        char name[256] = "";
        const char *file = m->truth.clips[i].file;
        for (size_t c = 0, at = 0; file[c] && strcmp(file + c, ".mp4"); c++)
            at += (size_t)snprintf(name + at, sizeof name - at, "%s", file[c] == '/' ? "__" : (char[]){file[c], 0});
        m->scores[i] = fal_golden_npy(fal_data_path("metrics/localization/frame_scores/%s.npy", name));
        m->clips[i] = (fal_frame_scores){.path = file,
                                         .scores = fal_npy_f32(&m->scores[i]),
                                         .frames = (int64_t)m->scores[i].count,
                                         .offset = fal_json_int(fal_json_get(offsets, file), -1)};
        assert_true(m->clips[i].offset >= 0);
    }
    fal_json_free(&offsets);
}

static void unload(material *m)
{
    for (size_t i = 0; i < m->truth.count; i++)
        fal_npy_free(&m->scores[i]);
    fal_truth_free(&m->truth);
}

/* ---- labels ---- */

static void test_frame_labels(void **state)
{
    (void)state;
    material m = {0};
    load(&m);
    for (int rule = 0; rule < 3; rule++) {
        uint8_t got[MAX_FRAMES];
        size_t count = 0;
        fal_npy want = fal_golden_npy_f64(fal_data_path("metrics/localization/labels_%s.npy", rules[rule]));
        for (size_t i = 0; i < m.truth.count; i++) {
            assert_true(count + (size_t)m.clips[i].frames <= MAX_FRAMES);
            fal_frame_labels(&m.truth.clips[i].segments[FAL_SEGMENTS_ANY], (fal_frame_rule)rule, 25, m.clips[i].offset,
                             m.clips[i].frames, got + count);
            count += (size_t)m.clips[i].frames;
        }
        assert_int_equal(count, want.count);
        for (size_t t = 0; t < count; t++)
            if (got[t] != ((const double *)want.data)[t])
                fail_msg("rule %s, frame %zu of all: got %d, want %g", rules[rule], t, got[t],
                         ((const double *)want.data)[t]);
        print_message("labels %s: %zu frames exact\n", rules[rule], count);
        fal_npy_free(&want);
    }
    unload(&m);
}

static void test_label_traps(void **state)
{
    (void)state;
    const fal_segment items[] = {{1.16, 1.2}, {-3, 0.04}, {1e300, INFINITY}};
    const fal_segment_set trap = {items, 1}, all = {items, 3};
    uint8_t labels[32];
    fal_frame_labels(&trap, FAL_FRAMES_LOADER, 25, 0, 32, labels);
    assert_true(labels[27] == 0 && labels[28] == 1 && labels[29] == 1 && labels[30] == 0);
    fal_frame_labels(&trap, FAL_FRAMES_CENTER, 25, 28, 3, labels); /* cut after labelling */
    assert_true(labels[0] == 0 && labels[1] == 1 && labels[2] == 0);
    for (int rule = 0; rule < 3; rule++) { /* times outside the clip */
        fal_frame_labels(&all, (fal_frame_rule)rule, 25, 0, 2, labels);
        assert_true(labels[0] == 1 && labels[1] == 0);
    }
}

/* ---- scores against labels ---- */

static void check_number(const char *name, double got, const fal_json *want, double tolerance)
{
    double expected = fal_json_real(want, NAN);
    fal_check_close_f64(name, &got, &expected, 1, tolerance, 0);
}

static void test_localisation(void **state)
{
    (void)state;
    material m = {0};
    fal_json *json = NULL;
    fal_error err = {0};
    load(&m);
    fal_check_ok(fal_json_read(fal_data_path("metrics/localization/expected.json"), &json, &err), &err);
    for (int i = 0; i < 18; i++) {
        char name[64];
        fal_localisation got;
        const fal_localisation_options how = {
            .field = (fal_segment_field)(i / 6), .rule = (fal_frame_rule)(i / 2 % 3), .all_clips = i % 2};
        snprintf(name, sizeof name, "%s|%s|%s", fields[i / 6], rules[i / 2 % 3], pools[i % 2]);
        const fal_json *want = fal_json_get(json, name);
        assert_non_null(want);
        fal_check_ok(fal_localise(&m.truth, m.clips, m.truth.count, &how, &got, &err), &err);
        assert_int_equal(got.clips, fal_json_int(fal_json_get(want, "clips"), -1));
        assert_int_equal(got.frames, fal_json_int(fal_json_get(want, "frames"), -1));
        assert_int_equal(got.fake_frames, fal_json_int(fal_json_get(want, "fake_frames"), -1));
        assert_int_equal(got.clips_with_both, fal_json_int(fal_json_get(want, "clips_with_both_classes"), -1));
        check_number(name, got.auc, fal_json_get(want, "auc"), 1e-10);
        check_number(name, got.ap, fal_json_get(want, "ap"), 1e-10);
        check_number(name, got.macro_auc, fal_json_get(want, "macro_auc"), 1e-10);
    }
    fal_json_free(&json);
    unload(&m);
}

static void test_localisation_counts_what_it_does_not_know(void **state)
{
    (void)state;
    fal_truth truth = {0};
    fal_localisation got;
    fal_error err = {0};
    const char *text = "[{\"file\": \"a/b.mp4\", \"fake_segments\": [[0.04, 0.08]]}]";
    const float scores[] = {0, 1, -1}, bad[] = {0, NAN, 0};
    const fal_frame_scores clips[] = {{"val/a/b.mp4", scores, 3, 0}, {"c.mp4", scores, 3, 0}, {"xa/b.mp4", bad, 3, 0}};
    fal_check_ok(fal_truth_parse(text, strlen(text), "meta", &truth, &err), &err);
    fal_check_ok(fal_localise(&truth, clips, 3, NULL, &got, &err), &err);
    assert_true(got.clips == 1 && got.frames == 3 && got.auc == 1 && got.unknown == 2);
    assert_string_equal(got.first_unknown, "c.mp4");
    fal_check_ok(fal_localise(&truth, clips + 1, 1, NULL, &got, &err), &err);
    assert_true(got.clips == 0 && isnan(got.auc) && isnan(got.macro_auc));
    const fal_frame_scores nan = {"a/b.mp4", bad, 3, 0};
    fal_check_fails(fal_localise(&truth, &nan, 1, NULL, &got, &err), FAL_ERR_ARGUMENT, "a/b.mp4: the score of frame 1",
                    &err);
    fal_truth_free(&truth);
}

/* ---- AP@IoU and AR@N ---- */

static void check_case(const char *name, const fal_json *want)
{
    fal_truth truth = {0};
    fal_proposals proposals = {0};
    fal_ap_ar got;
    fal_error err = {0};
    double ap[FAL_AP_IOUS], ar[FAL_AR_COUNTS];
    fal_check_ok(fal_truth_read(fal_data_path("metrics/ap_ar/%s_labels.json", name), &truth, &err), &err);
    fal_check_ok(fal_proposals_read(fal_data_path("metrics/ap_ar/%s_proposals.json", name), &proposals, &err), &err);
    fal_check_ok(fal_ap_ar_measure(&truth, FAL_SEGMENTS_ANY, &proposals, fal_json_real(fal_json_get(want, "fps"), 0),
                                   &got, &err),
                 &err);
    for (size_t i = 0; i < FAL_AP_IOUS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%g", got.iou[i]);
        const fal_json *value = fal_json_get(fal_json_get(want, "ap"), key);
        assert_non_null(value);
        ap[i] = fal_json_real(value, NAN);
    }
    for (size_t i = 0; i < FAL_AR_COUNTS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%zu", got.first[i]);
        ar[i] = fal_json_real(fal_json_get(fal_json_get(want, "ar"), key), NAN);
    }
    fal_check_close_f64(name, got.ap, ap, FAL_AP_IOUS, 2e-6, 0);
    fal_check_close_f64(name, got.ar, ar, FAL_AR_COUNTS, 2e-6, 0);
    check_number(name, got.score, fal_json_get(want, "score"), 2e-6);
    fal_truth_free(&truth);
    fal_proposals_free(&proposals);
}

static void test_ap_ar(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    void *iter = NULL;
    const char *name;
    const fal_json *want;
    int cases = 0;
    fal_check_ok(fal_json_read(fal_data_path("metrics/ap_ar/expected.json"), &json, &err), &err);
    for (; fal_json_next(json, &iter, &name, &want); cases++)
        check_case(name, want);
    fal_json_free(&json);
    assert_int_equal(cases, 15);
}

static void test_ap_ar_refuses(void **state)
{
    (void)state;
    const char *meta = "[{\"file\": \"a\", \"fake_segments\": [[0, 1]]}]", *none = "{}", *twice = "{\"a\":[],\"a\":[]}";
    fal_truth truth = {0};
    fal_proposals proposals = {0};
    fal_ap_ar got;
    fal_error err;
    fal_check_ok(fal_truth_parse(meta, strlen(meta), "meta", &truth, &err), &err);
    fal_check_ok(fal_proposals_parse(none, strlen(none), "none", &proposals, &err), &err);
    fal_check_fails(fal_ap_ar_measure(&truth, FAL_SEGMENTS_ANY, &proposals, 1, &got, &err), FAL_ERR_NOT_FOUND,
                    "no proposals for a", &err);
    fal_check_fails(fal_ap_ar_measure(&truth, FAL_SEGMENTS_ANY, &proposals, 0, &got, &err), FAL_ERR_ARGUMENT,
                    "0 units per second", &err);
    fal_proposals_free(&proposals);
    fal_check_ok(fal_proposals_parse(twice, strlen(twice), "twice", &proposals, &err), &err);
    fal_check_fails(fal_ap_ar_measure(&truth, FAL_SEGMENTS_ANY, &proposals, 1, &got, &err), FAL_ERR_FORMAT,
                    "hold a twice", &err);
    fal_proposals_free(&proposals);
    fal_truth_free(&truth);
}

/* ---- segments from scores ---- */

static void check_proposal(const fal_proposal *p, double confidence, double begin, double end)
{
    const double got[] = {p->confidence, p->begin, p->end}, want[] = {confidence, begin, end};
    fal_check_close_f64("proposal", got, want, 3, 1e-12, 0);
}

static void test_segments(void **state)
{
    (void)state;
    const float scores[] = {-1, 2, 2, -1, -1, -1, 4, 2, -9, -9, -9, -9, 5, -1, 0};
    const fal_frame_scores clip = {"a.mp4", scores, 15, 10};
    const double levels[] = {0, 3};
    fal_proposals got = {0};
    fal_error err = {0};
    fal_check_ok(fal_propose(NULL, &clip, 1, NULL, &got, &err), &err);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.clips[0].count, 2); /* frames 1-2 and 6-7 are three apart: one; 12-14 another */
    check_proposal(&got.clips[0].items[0], 4.0 / 3, 22.0 / 25, 25.0 / 25);
    check_proposal(&got.clips[0].items[1], 1, 11.0 / 25, 18.0 / 25);
    fal_proposals_free(&got);
    const fal_segmentation fine = {
        .thresholds = levels, .threshold_count = 2, .merge_s = -1, .shortest_s = -1, .rate_hz = 5};
    fal_check_ok(fal_propose(NULL, &clip, 1, &fine, &got, &err), &err);
    assert_int_equal(got.clips[0].count, 5); /* 1-2, 6-7, 12, 14; at 3: 6 and once more 12, which is kept once */
    check_proposal(&got.clips[0].items[0], 5, 22.0 / 5, 23.0 / 5);
    check_proposal(&got.clips[0].items[4], 0, 24.0 / 5, 25.0 / 5);
    fal_proposals_free(&got);
}

static void test_proposals_round_trip(void **state)
{
    (void)state;
    material m = {0};
    fal_proposals made = {0}, read = {0};
    fal_ap_ar a, b;
    fal_error err = {0};
    load(&m);
    fal_check_ok(fal_propose(&m.truth, m.clips, m.truth.count, NULL, &made, &err), &err);
    fal_check_ok(fal_proposals_write(&made, fal_temp_path("proposals.json"), &err), &err);
    fal_check_ok(fal_proposals_read(fal_temp_path("proposals.json"), &read, &err), &err);
    assert_int_equal(read.count, made.count);
    for (size_t i = 0; i < made.count; i++) {
        assert_string_equal(made.clips[i].file, read.clips[i].file);
        assert_int_equal(made.clips[i].count, read.clips[i].count);
        assert_memory_equal(made.clips[i].items, read.clips[i].items, made.clips[i].count * sizeof(fal_proposal));
    }
    fal_check_ok(fal_ap_ar_measure(&m.truth, FAL_SEGMENTS_ANY, &made, 1, &a, &err), &err);
    fal_check_ok(fal_ap_ar_measure(&m.truth, FAL_SEGMENTS_ANY, &read, 1, &b, &err), &err);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.segments > 0 && a.proposals > 0 && a.score > 0);
    fal_proposals_free(&made);
    fal_proposals_free(&read);
    unload(&m);
}

/* ---- files that lie ---- */

static void refuse_truth(const char *text, const char *part)
{
    fal_truth truth = {0};
    fal_error err = {0};
    fal_check_fails(fal_truth_parse(text, strlen(text), "meta.json", &truth, &err), FAL_ERR_FORMAT, part, &err);
    assert_null(truth.storage);
}

static void test_bad_metadata(void **state)
{
    (void)state;
    refuse_truth("", "neither a JSON array nor an object");
    refuse_truth("7", "neither a JSON array nor an object");
    refuse_truth("[{\"file\": \"a\"}", "the text ends after entry 1");
    refuse_truth("[{\"file\": \"a\"} {\"file\": \"b\"}]", "entry 1");
    refuse_truth("[{\"file\": \"a\"}] 7", "more text than one JSON value after entry 1");
    refuse_truth("[{\"file\": \"a\"}, {\"file\": \"a\"}]", "a is there twice");
    refuse_truth("[{\"name\": \"a\"}]", "entry 1 has no \"file\"");
    refuse_truth("[{\"file\": \"a\", \"fake_segments\": 3}]", "the segments of a are no list");
    refuse_truth("[{\"file\": \"a\", \"fake_segments\": [[1]]}]", "segment 1 of a is no pair of seconds");
    refuse_truth("[{\"file\": \"a\", \"fake_segments\": [[1, \"2\"]]}]", "segment 1 of a is no pair of seconds");
    refuse_truth("[{\"file\": \"a\", \"fake_segments\": [[[[[", "meta.json, entry 1");
}

static void test_metadata_of_one_clip(void **state)
{
    (void)state;
    fal_truth truth = {0};
    fal_error err = {0};
    const char *text = " {\"file\": \"x.mp4\", \"fake_segments\": null, \"visual_fake_segments\": [[1, 2.5]]}\n";
    fal_check_ok(fal_truth_parse(text, strlen(text), "one", &truth, &err), &err);
    assert_int_equal(truth.count, 1);
    assert_int_equal(truth.clips[0].segments[FAL_SEGMENTS_ANY].count, 0);
    assert_true(truth.clips[0].segments[FAL_SEGMENTS_VISUAL].items[0].end_s == 2.5);
    fal_truth_free(&truth);
}

static void write_metadata(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

/* One file per clip in folders, a list among them, and what is no metadata. */
static void test_metadata_of_a_folder(void **state)
{
    (void)state;
    fal_truth truth = {0};
    fal_error err = {0};
    const char *folder = fal_temp_path("meta");
    write_metadata(fal_temp_path("meta/val/id2/a.json"), "{\"file\": \"id2/a.mp4\", \"fake_segments\": [[0, 1]]}");
    write_metadata(fal_temp_path("meta/val/id1/b.json"), "{\"file\": \"id1/b.mp4\", \"fake_segments\": []}");
    write_metadata(fal_temp_path("meta/list.json"), "[{\"file\": \"c.mp4\"}, {\"file\": \"d.mp4\"}]");
    write_metadata(fal_temp_path("meta/val/id1/b.mp4"), "no JSON");
    assert_int_equal(symlink(folder, fal_temp_path("meta/val/again")), 0);
    fal_check_ok(fal_truth_read(folder, &truth, &err), &err);
    assert_int_equal(truth.count, 4);
    assert_string_equal(truth.clips[0].file, "c.mp4");
    assert_string_equal(truth.clips[2].file, "id1/b.mp4");
    assert_int_equal(fal_truth_find(&truth, "x/id2/a.mp4")->segments[FAL_SEGMENTS_ANY].count, 1);
    fal_truth_free(&truth);
    write_metadata(fal_temp_path("meta/val/id3.json"), "{\"fake_segments\": []}");
    fal_check_fails(fal_truth_read(folder, &truth, &err), FAL_ERR_FORMAT, "id3.json: entry 1 has no \"file\"", &err);
    fal_check_fails(fal_truth_read(fal_temp_path("meta/val/id1/none"), &truth, &err), FAL_ERR_NOT_FOUND, "none", &err);
    fal_check_ok(fal_make_dirs(fal_temp_path("bare"), &err), &err);
    fal_check_fails(fal_truth_read(fal_temp_path("bare"), &truth, &err), FAL_ERR_FORMAT, "holds no .json", &err);
}

static void refuse_proposals(const char *text, const char *part)
{
    fal_proposals proposals = {0};
    fal_error err = {0};
    fal_check_fails(fal_proposals_parse(text, strlen(text), "p.json", &proposals, &err), FAL_ERR_FORMAT, part, &err);
    assert_null(proposals.storage);
}

static void test_bad_proposals(void **state)
{
    (void)state;
    refuse_proposals("[]", "an object of lists by file");
    refuse_proposals("{\"a\"}", "no name with a colon after entry 0");
    refuse_proposals("{\"a\": 1}", "the proposals of a are no list");
    refuse_proposals("{\"a\": [[0.5, 1]]}", "proposal 1 of a is not [confidence, begin, end]");
    refuse_proposals("{\"a\": [[null, 1, 2]]}", "proposal 1 of a is not [confidence, begin, end]");
    refuse_proposals("{\"a\": [], ", "entry 2");
}

static fal_status all_of_it(void *user, fal_error *err)
{
    (void)user;
    static const char meta[] = "[{\"file\": \"a\", \"fake_segments\": [[0, 0.1]]}]";
    static const float scores[] = {1, 1, 1, -1};
    const fal_frame_scores clip = {"a", scores, 4, 0};
    fal_status st = FAL_OK;
    fal_truth truth = {0};
    fal_proposals proposals = {0};
    fal_localisation found;
    fal_ap_ar measured;
    FAL_TRY(fal_file_write(fal_temp_path("whole/a.json"), meta, sizeof meta - 1, err));
    FAL_TRY(fal_truth_read(fal_temp_path("whole"), &truth, err));
    FAL_TRY(fal_localise(&truth, &clip, 1, NULL, &found, err));
    FAL_TRY(fal_propose(&truth, &clip, 1, NULL, &proposals, err));
    FAL_TRY(fal_ap_ar_measure(&truth, FAL_SEGMENTS_ANY, &proposals, 1, &measured, err));
done:
    fal_proposals_free(&proposals);
    fal_truth_free(&truth);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("localisation", all_of_it, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_labels),
        cmocka_unit_test(test_label_traps),
        cmocka_unit_test(test_localisation),
        cmocka_unit_test(test_localisation_counts_what_it_does_not_know),
        cmocka_unit_test(test_ap_ar),
        cmocka_unit_test(test_ap_ar_refuses),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_proposals_round_trip),
        cmocka_unit_test(test_bad_metadata),
        cmocka_unit_test(test_metadata_of_one_clip),
        cmocka_unit_test(test_bad_proposals),
        cmocka_unit_test(test_metadata_of_a_folder),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
