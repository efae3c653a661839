/* Names of models, the catalogue, and what `info` and `verify` say of files that are in order and of files that are
 * not. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "encoder/place.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include "weights/safetensors_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XLSR "wav2vec2/w2v2-xlsr-hf_syn/model"
#define LIPS "avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt"

/* ---- files ---- */

static void copy_file(const char *from, const char *to)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(from, 0, &bytes, &err), &err);
    fal_check_ok(fal_file_write(to, bytes.data ? bytes.data : "", bytes.length, &err), &err);
    fal_buf_free(&bytes);
}

static const char *put(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
    return path;
}

/* An empty model folder for the names of one test. */
static const char *new_home(const char *name)
{
    const char *home = fal_temp_path("%s", name);
    assert_int_equal(setenv("FALSETTO_HOME", home, 1), 0);
    return home;
}

static void install(const char *from, const char *name)
{
    copy_file(fal_data_path("%s", from), fal_temp_path("%s", name));
}

/* ---- names ---- */

static void check_found(const char *source, fal_stream stream, const char *ending, const char *entry)
{
    fal_place place = {0};
    fal_error err = {0};
    fal_check_ok(fal_place_find(source, stream, &place, &err), &err);
    if (ending ? !place.path || !fal_str_ends(place.path, ending) : place.path != NULL)
        fail_msg("%s is %s, want %s", source, place.path ? place.path : "no file", ending ? ending : "none");
    assert_string_equal(place.entry ? place.entry->model.name : "-", entry ? entry : "-");
    fal_place_free(&place);
}

static void check_lost(const char *source, fal_stream stream, const char *text)
{
    fal_place place = {0};
    fal_error err = {0};
    fal_check_fails(fal_place_find(source, stream, &place, &err), FAL_ERR_NOT_FOUND, text, &err);
    assert_null(place.path);
}

static void test_not_installed(void **state)
{
    (void)state;
    new_home("empty");
    check_lost("wav2vec2-base", 0, "wav2vec2-base is not installed (licence of its weights: ");
    check_lost("wav2vec2-base", 0, "`falsetto models pull wav2vec2-base` fetches it");
    check_lost("wav2vec2-bsae", 0, "did you mean wav2vec2-base");
    check_lost("WavVec2", 0, "did you mean wav2vec2");
    check_lost("avhubert-lage", 0, "avhubert-large");
    check_lost("hubert", 0, "no model of family hubert is installed; get one with `falsetto models pull NAME`");
    check_lost("avhubert", FAL_STREAM_VIDEO, "no model of family avhubert with stream video is installed");
    check_lost("quite something else", 0, "`falsetto models list` shows the names");
    check_lost("folder/model", 0, "folder/model: no such file or folder");
    check_lost("model.pt", 0, "model.pt: no such file or folder");
    check_lost("", 0, NULL);
    check_found("avhubert-random", 0, NULL, "avhubert-random");
}

static void test_installed(void **state)
{
    (void)state;
    new_home("home");
    install(XLSR "/model.safetensors", "home/models/wav2vec2-base.safetensors");
    install(XLSR "/model.safetensors", "home/models/wav2vec2-large/model.safetensors");
    install(XLSR "/config.json", "home/models/wav2vec2-large/config.json");
    install(LIPS, "home/models/avhubert-large/some name.pt");
    install(LIPS, "home/models/avhubert-base/one.pt");
    install(LIPS, "home/models/avhubert-base/two.pth");
    install(LIPS, "home/models/mine.pt");
    put(fal_temp_path("home/models/hubert-large/model.safetensors.part"), "half");
    check_found("wav2vec2-base", 0, "models/wav2vec2-base.safetensors", "wav2vec2-base");
    check_found("wav2vec2-large", 0, "models/wav2vec2-large", "wav2vec2-large");
    check_found("avhubert-large", 0, "avhubert-large/some name.pt", "avhubert-large");
    check_found("mine", 0, "models/mine.pt", NULL);
    check_lost("avhubert-base", 0, "holds several weights files, among them ");
    check_lost("../models/mine", 0, "no such file");
}

static void test_families(void **state)
{
    (void)state;
    new_home("kinds");
    install(XLSR "/model.safetensors", "kinds/models/wav2vec2-large.safetensors");
    install(LIPS, "kinds/models/avhubert-large.pt");
    check_found("wav2vec2", 0, "wav2vec2-large.safetensors", "wav2vec2-large");
    check_found("wav2vec2", FAL_STREAM_AUDIO, "wav2vec2-large.safetensors", "wav2vec2-large");
    check_found("avhubert", FAL_STREAM_VIDEO, "avhubert-large.pt", "avhubert-large");
    check_lost("wav2vec2", FAL_STREAM_VIDEO, "with stream video");
}

static void test_unfinished(void **state)
{
    (void)state;
    fal_model_state found;
    fal_error err = {0};
    new_home("half");
    put(fal_temp_path("half/models/wav2vec2-base/pytorch_model.bin.part"), "half");
    check_lost("wav2vec2-base", 0, "only in part downloaded");
    fal_check_ok(fal_model_look("wav2vec2-base", &found, &err), &err);
    assert_int_equal(found, FAL_MODEL_UNFINISHED);
    fal_check_ok(fal_model_look("avhubert-random", &found, &err), &err);
    assert_int_equal(found, FAL_MODEL_DRAWN);
    fal_check_fails(fal_model_look("wav2vec", &found, &err), FAL_ERR_NOT_FOUND, "did you mean", &err);
}

/* A folder of clips that happens to have a model's name does not hide the model; one with weights is taken. */
static void test_folders_named_like_models(void **state)
{
    (void)state;
    char *before = getcwd(NULL, 0);
    new_home("shadow");
    install(XLSR "/model.safetensors", "shadow/models/wav2vec2-base.safetensors");
    put(fal_temp_path("here/wav2vec2-base/clip.txt"), "no weights");
    install(LIPS, "here/wav2vec2/my.pt");
    assert_int_equal(chdir(fal_temp_path("here")), 0);
    check_found("wav2vec2-base", 0, "shadow/models/wav2vec2-base.safetensors", "wav2vec2-base");
    check_found("wav2vec2", 0, "wav2vec2/my.pt", NULL);
    assert_int_equal(chdir(before), 0);
    free(before);
}

static void test_path_of_installed(void **state)
{
    (void)state;
    char *path = NULL;
    fal_error err = {0};
    new_home("paths");
    install(LIPS, "paths/models/avhubert-base.pt");
    fal_check_ok(fal_model_path("avhubert-base", &path, &err), &err);
    assert_true(fal_str_ends(path, "paths/models/avhubert-base.pt"));
    fal_text_free(&path);
    fal_check_ok(fal_model_path("avhubert-large", &path, &err), &err);
    assert_null(path);
    fal_check_ok(fal_model_path("/etc", &path, &err), &err);
    assert_null(path);
}

static void test_open_by_name(void **state)
{
    (void)state;
    fal_encoder *encoder = NULL;
    fal_error err = {0};
    new_home("opened");
    install(LIPS, "opened/models/avhubert-large.pt");
    install(XLSR "/model.safetensors", "opened/models/avhubert-base.safetensors");
    fal_check_ok(fal_encoder_open("avhubert-large", NULL, &encoder, &err), &err);
    assert_string_equal(fal_encoder_describe(encoder)->origin, "avhubert-large");
    assert_true(fal_str_ends(fal_encoder_describe(encoder)->path, "avhubert-large.pt"));
    fal_encoder_free(&encoder);
    /* A name of the catalogue says what family the file is of. */
    fal_check_fails(fal_encoder_open("avhubert-base", NULL, &encoder, &err), FAL_ERR_UNSUPPORTED,
                    "do not fit family avhubert", &err);
    assert_null(encoder);
}

/* ---- the catalogue as JSON ---- */

static fal_json *parse(const char *text)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(text, strlen(text), "report", &json, &err), &err);
    return json;
}

static fal_json *list(const char *family, bool installed)
{
    char *text = NULL;
    fal_error err = {0};
    fal_check_ok(fal_model_list_json(family, installed, &text, &err), &err);
    fal_json *json = parse(text);
    fal_text_free(&text);
    return json;
}

static void test_list(void **state)
{
    (void)state;
    char *text = NULL;
    fal_error err = {0};
    new_home("listed");
    install(LIPS, "listed/models/avhubert-base.pt");
    fal_json *all = list(NULL, false), *lips = list("avhubert", false), *here = list("avhubert", true);
    assert_int_equal(fal_json_count(all), fal_model_count());
    assert_true(fal_json_count(lips) > fal_json_count(here) && fal_json_count(here) >= 2);
    for (size_t i = 0; i < fal_json_count(here); i++) {
        const char *name = fal_json_string(fal_json_get(fal_json_at(here, i), "name"), "");
        const char *found = fal_json_string(fal_json_get(fal_json_at(here, i), "state"), "");
        assert_string_equal(found, fal_str_eq(name, "avhubert-base") ? "installed" : "drawn");
    }
    fal_json_free(&all);
    fal_json_free(&lips);
    fal_json_free(&here);
    fal_check_fails(fal_model_list_json("avhuber", false, &text, &err), FAL_ERR_NOT_FOUND, "did you mean avhubert",
                    &err);
}

/* ---- files with faults ---- */

/* What to do to the tensors of a sound model. */
typedef struct edit {
    const char *drop, *misshape, *spoil; /* names of tensors; NULL: none */
    const char *extra;                   /* a tensor nobody knows */
} edit;

static size_t apply(const edit *e, const fal_checkpoint *ckpt, fal_named_tensor *out, float *spoilt)
{
    size_t count = 0;
    for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
        fal_named_tensor t = *fal_checkpoint_at(ckpt, i);
        if (fal_str_eq(t.name, e->drop))
            continue;
        if (fal_str_eq(t.name, e->misshape))
            t.tensor.shape[0]--;
        if (fal_str_eq(t.name, e->spoil)) {
            fal_tensor_copy_f32(&t.tensor, spoilt);
            spoilt[1] = NAN;
            spoilt[2] = -INFINITY;
            t.tensor = fal_tensor_f32(spoilt, t.tensor.rank, t.tensor.shape);
        }
        out[count++] = t;
        if (e->extra && i == 0) {
            t.name = e->extra;
            out[count++] = t;
        }
    }
    return count;
}

/* A Hugging Face folder of the tiny XLS-R with the edit made; its path. */
static const char *edited(const char *name, edit e)
{
    fal_error err = {0};
    fal_checkpoint *ckpt = NULL;
    static float spoilt[1 << 16];
    fal_check_ok(fal_checkpoint_open(fal_data_path(XLSR), NULL, &ckpt, &err), &err);
    fal_named_tensor *tensors = fal_calloc(fal_checkpoint_count(ckpt) + 1, sizeof *tensors);
    assert_non_null(tensors);
    size_t count = apply(&e, ckpt, tensors, spoilt);
    fal_check_ok(
        fal_safetensors_write(fal_temp_path("%s/model.safetensors", name), tensors, count, FAL_F32, NULL, 0, &err),
        &err);
    copy_file(fal_data_path(XLSR "/config.json"), fal_temp_path("%s/config.json", name));
    fal_free(tensors);
    fal_checkpoint_free(&ckpt);
    return fal_temp_path("%s", name);
}

static fal_json *verify(const char *source, bool want_ok)
{
    char *text = NULL;
    bool ok = !want_ok;
    fal_error err = {0};
    fal_check_ok(fal_model_verify_json(source, NULL, &ok, &text, &err), &err);
    if (ok != want_ok)
        fail_msg("%s is %sin order: %s", source, ok ? "" : "not ", text);
    fal_json *json = parse(text);
    assert_int_equal(fal_json_bool(fal_json_get(json, "ok"), !ok), ok);
    assert_int_equal(fal_json_count(fal_json_get(json, "problems")) == 0, ok);
    fal_text_free(&text);
    return json;
}

static void check_problem(const char *source, const char *part)
{
    fal_json *json = verify(source, false);
    const fal_json *problems = fal_json_get(json, "problems");
    bool found = false;
    for (size_t i = 0; i < fal_json_count(problems); i++) {
        const char *text = fal_json_string(fal_json_at(problems, i), "");
        print_message("%s\n", text);
        found = found || strstr(text, part);
    }
    if (!found)
        fail_msg("no problem of %s says \"%s\"", source, part);
    fal_json_free(&json);
}

static void test_verify_sound(void **state)
{
    (void)state;
    static const char *const sound[] = {XLSR, LIPS, "wav2vec2/w2v2-xlsr-sharded/model",
                                        "avhubert/pretrained_postnorm/checkpoint.pt"};
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        fal_json *json = verify(fal_data_path("%s", sound[i]), true);
        const fal_json *tensors = fal_json_get(json, "tensors"), *files = fal_json_get(json, "files");
        assert_true(fal_json_int(fal_json_get(json, "parameters"), 0) > 1000);
        assert_true(fal_json_int(fal_json_get(tensors, "used"), 0) > 50);
        assert_true(fal_json_bool(fal_json_get(tensors, "values_checked"), false));
        assert_int_equal(strlen(fal_json_string(fal_json_get(fal_json_at(files, 0), "sha256"), "")), 64);
        fal_json_free(&json);
    }
}

static void test_verify_faults(void **state)
{
    (void)state;
    const char *first = "wav2vec2.encoder.layers.1.final_layer_norm.weight";
    fal_json *json = verify(edited("asis", (edit){0}), true);
    fal_json_free(&json);
    check_problem(edited("missing", (edit){.drop = first}), "1 tensor missing");
    check_problem(edited("misshapen", (edit){.misshape = first}), "1 tensor with the wrong shape");
    check_problem(edited("surplus", (edit){.extra = "wav2vec2.encoder.layers.1.unheard_of"}),
                  "1 tensor not recognised");
    check_problem(edited("spoilt", (edit){.spoil = first}), "1 tensor with values that are not finite");
    check_problem(edited("spoilt", (edit){.spoil = first}), "final_layer_norm.weight (2 of ");
}

typedef struct watching {
    char seen[4][40]; /* kinds of work, in order */
    size_t count;
    const char *stop_at; /* NULL: nowhere */
    volatile sig_atomic_t cancel;
} watching;

static void watch(void *user, const char *what, double done, double total)
{
    watching *w = user;
    assert_true(done >= 0 && done <= total);
    if (w->count == 0 || strcmp(w->seen[w->count - 1], what)) {
        assert_true(w->count < 4);
        snprintf(w->seen[w->count++], sizeof w->seen[0], "%s", what);
    }
    w->cancel = w->stop_at && !strcmp(what, w->stop_at);
}

static void test_verify_tells_progress(void **state)
{
    (void)state;
    static const char *const kinds[] = {"checking its parts (MB)", "checking values (tensors)", "checksum (MB)"};
    const char *source = fal_data_path("avhubert/pretrained_postnorm/checkpoint.pt");
    for (size_t stop = 0; stop <= 3; stop++) {
        watching w = {.stop_at = stop < 3 ? kinds[stop] : NULL};
        const fal_progress progress = {watch, &w, &w.cancel};
        const fal_encoder_options options = {.progress = &progress};
        bool ok = false;
        char *text = NULL;
        fal_error err = {0};
        fal_status st = fal_model_verify_text(source, &options, &ok, &text, &err);
        assert_int_equal(w.count, stop < 3 ? stop + 1 : 3);
        for (size_t i = 0; i < w.count; i++)
            assert_string_equal(w.seen[i], kinds[i]);
        /* A file as small as this one is summed in one step, and then done. */
        assert_int_equal(st, stop < 2 ? FAL_ERR_CANCELLED : FAL_OK);
        assert_int_equal(ok, st == FAL_OK);
        fal_text_free(&text);
    }
}

/* ---- memory ---- */

static fal_status verify_it(void *user, fal_error *err)
{
    bool ok;
    char *text = NULL;
    fal_status st = fal_model_verify_json(user, &(fal_encoder_options){.threads = 1}, &ok, &text, err);
    fal_text_free(&text);
    return st;
}

static fal_status describe_it(void *user, fal_error *err)
{
    char *text = NULL;
    fal_status st = fal_model_info_text(user, &text, err);
    fal_text_free(&text);
    return st;
}

static fal_status list_all(void *user, fal_error *err)
{
    char *text = NULL;
    fal_status st = fal_model_list_json(user, false, &text, err);
    fal_text_free(&text);
    return st;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    new_home("tight");
    install(LIPS, "tight/models/avhubert-base/some.pt");
    install("heads/linear_train/checkpoint/model-epoch=05.ckpt", "tight/models/head.ckpt");
    fal_check_alloc_failures("verify", verify_it, "avhubert-base");
    fal_check_alloc_failures("verify, not in order", verify_it, "head");
    fal_check_alloc_failures("info", describe_it, "avhubert");
    fal_check_alloc_failures("info of a head", describe_it, "head");
    fal_check_alloc_failures("list", list_all, "avhubert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_installed),
        cmocka_unit_test(test_installed),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_folders_named_like_models),
        cmocka_unit_test(test_path_of_installed),
        cmocka_unit_test(test_open_by_name),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_verify_sound),
        cmocka_unit_test(test_verify_faults),
        cmocka_unit_test(test_verify_tells_progress),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
