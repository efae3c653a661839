/* wav2vec 2.0, HuBERT and WavLM share tensor names: which family a file is opened as, and what is refused because the
 * configuration beside the tensors disagrees with them. */
#include "core/alloc.h"
#include "core/str.h"
#include "encoder/loaded.h"
#include "support/golden.h"
#include "weights/safetensors_write.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_BYTES = 160, MAX_TENSORS = 128 };

/* A file as other programs write it: Hugging Face names below `prefix`, nothing of ours in the metadata. */
typedef struct foreign {
    const char *family, *prefix;
    const char *extra[2];             /* further tensors, under their full names */
    bool with_config;                 /* a folder with config.json, else the file alone */
    const char *replace, *replace_by; /* in config.json's text */
} foreign;

static char *config_text(const foreign *f, const fal_loaded *model)
{
    fal_buf text = {0}, edited = {0};
    fal_loaded_config_text(model->family, model->config, &text);
    assert_false(text.failed);
    const char *at = f->replace ? strstr(text.data, f->replace) : NULL;
    if (f->replace && !at)
        fail_msg("the configuration has no %s: %s", f->replace, text.data);
    if (at)
        fal_buf_printf(&edited, "%.*s%s%s", (int)(at - text.data), text.data, f->replace_by, at + strlen(f->replace));
    char *out = fal_strdup(at ? edited.data : text.data);
    assert_non_null(out);
    fal_buf_free(&text);
    fal_buf_free(&edited);
    return out;
}

static void write_tensors(const foreign *f, const fal_loaded *model, const char *path)
{
    static const float value[4] = {1, 2, 3, 4};
    static char names[MAX_TENSORS][NAME_BYTES];
    fal_error err = {0};
    fal_named_tensor tensors[MAX_TENSORS + 2];
    size_t count = fal_bind_bound_count(model->bind);
    assert_true(count <= MAX_TENSORS);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], NAME_BYTES, "%s%s", f->prefix, fal_bind_bound_at(model->bind, i)->name);
        tensors[i] = (fal_named_tensor){names[i], fal_bind_bound_at(model->bind, i)->tensor};
    }
    for (int e = 0; e < 2 && f->extra[e]; e++)
        tensors[count++] = (fal_named_tensor){f->extra[e], fal_tensor_f32(value, 1, (int64_t[]){4})};
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
}

/* Draws the family's tiny model and writes it; the path to open. */
static const char *write_foreign(const foreign *f)
{
    static int made;
    fal_error err = {0};
    fal_loaded model = {0};
    const fal_family *family = fal_family_find(f->family);
    const char *folder = fal_temp_path("foreign-%d", made++);
    const char *path = fal_temp_path("%s/model.safetensors", fal_path_base(folder));
    void *config = fal_calloc(1, family->config_size);
    assert_non_null(config);
    family->tiny(config);
    assert_int_equal(mkdir(folder, 0700), 0);
    fal_check_ok(fal_loaded_draw(family, config, "tiny", 7, 1, &model, &err), &err);
    write_tensors(f, &model, path);
    if (f->with_config) {
        char *text = config_text(f, &model);
        FILE *file = fopen(fal_temp_path("%s/config.json", fal_path_base(folder)), "w");
        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
        fal_free(text);
    }
    fal_loaded_free(&model);
    fal_free(config);
    return f->with_config ? folder : path;
}

static void check_family(const foreign *f, const char *asked, const char *want)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    fal_encoder_options options = {.family = asked, .heads = fal_str_eq(f->family, "hubert") ? 6 : 0};
    if (fal_str_eq(f->family, "wav2vec2"))
        options.heads = 4;
    fal_check_ok(fal_encoder_open(write_foreign(f), &options, &enc, &err), &err);
    assert_string_equal(fal_encoder_describe(enc)->family, want);
    fal_encoder_free(&enc);
}

static void check_refused(const foreign *f, const char *asked, fal_status status, const char *part)
{
    fal_error err = {0};
    fal_encoder *enc = NULL;
    fal_encoder_options options = {.family = asked};
    fal_check_fails(fal_encoder_open(write_foreign(f), &options, &enc, &err), status, part, &err);
    assert_null(enc);
}

/* ---- which family ---- */

static void test_tensors_alone(void **state)
{
    (void)state;
    const foreign hubert = {.family = "hubert", .prefix = ""}, wavlm = {.family = "wavlm", .prefix = ""};
    check_family(&hubert, NULL, "wav2vec2");
    check_family(&hubert, "hubert", "hubert");
    check_family(&hubert, "wav2vec2", "wav2vec2");
    check_family(&wavlm, NULL, "wavlm");
    check_refused(&wavlm, "wav2vec2", FAL_ERR_UNSUPPORTED, "do not fit family wav2vec2");
    check_refused(&wavlm, "hubert", FAL_ERR_UNSUPPORTED, "do not fit family hubert");
    check_refused(&hubert, "wavlm", FAL_ERR_UNSUPPORTED, "do not fit family wavlm");
    check_refused(&hubert, NULL, FAL_ERR_ARGUMENT, "attention heads");
}

static void test_prefix(void **state)
{
    (void)state;
    check_family(&(foreign){.family = "hubert", .prefix = "hubert.", .extra = {"lm_head.weight"}}, NULL, "hubert");
    check_family(&(foreign){.family = "wav2vec2", .prefix = "wav2vec2.", .extra = {"lm_head.weight"}}, NULL,
                 "wav2vec2");
    /* Speaker verification: heads with the encoder's names, outside its prefix. */
    check_family(
        &(foreign){.family = "wavlm", .prefix = "wavlm.", .extra = {"feature_extractor.weight", "projector.bias"}},
        NULL, "wavlm");
}

static void test_model_type(void **state)
{
    (void)state;
    check_family(&(foreign){.family = "hubert", .prefix = "", .with_config = true}, NULL, "hubert");
    check_family(&(foreign){.family = "wav2vec2", .prefix = "", .with_config = true}, NULL, "wav2vec2");
    check_family(&(foreign){.family = "wavlm", .prefix = "", .with_config = true}, NULL, "wavlm");
    /* What the file says of itself counts more than a head it carries. */
    check_family(&(foreign){.family = "wav2vec2", .prefix = "", .extra = {"label_embs_concat"}, .with_config = true},
                 NULL, "wav2vec2");
}

static void test_heads_of_pre_training(void **state)
{
    (void)state;
    check_family(&(foreign){.family = "hubert", .prefix = "", .extra = {"label_embs_concat"}}, NULL, "hubert");
    check_family(&(foreign){.family = "hubert", .prefix = "", .extra = {"final_proj.weight"}}, NULL, "hubert");
    check_family(&(foreign){.family = "wav2vec2", .prefix = "", .extra = {"final_proj.weight", "quantizer.vars"}}, NULL,
                 "wav2vec2");
}

/* ---- what disagrees ---- */

static void test_configurations_that_disagree(void **state)
{
    (void)state;
    const struct {
        const char *family, *replace, *by;
        fal_status status;
        const char *part;
    } cases[] = {
        {"wav2vec2", "\"conv_dim\":[6,7,8", "\"conv_dim\":[6,7,9", FAL_ERR_FORMAT,
         "conv_dim 9 for convolution 2, the tensors say 8"},
        {"wav2vec2", "\"conv_kernel\":[10,3", "\"conv_kernel\":[10,5", FAL_ERR_FORMAT,
         "conv_kernel 5 for convolution 1, the tensors say 3"},
        {"hubert", "\"conv_kernel\":[10,", "\"conv_kernel\":[", FAL_ERR_FORMAT, "6 conv_kernel entries"},
        {"hubert", "\"conv_stride\":[5,2", "\"conv_stride\":[5,4", FAL_ERR_UNSUPPORTED, "320 samples per frame"},
        {"hubert", "\"hidden_size\":36", "\"hidden_size\":38", FAL_ERR_FORMAT, "hidden_size 38"},
        {"hubert", "\"feat_extract_norm\":\"group\"", "\"feat_extract_norm\":\"layer\"", FAL_ERR_FORMAT, "GroupNorm"},
        {"wavlm", "\"num_buckets\":20", "\"num_buckets\":22", FAL_ERR_FORMAT, "num_buckets 22"},
        {"wavlm", "\"max_bucket_distance\":24", "\"max_bucket_distance\":5", FAL_ERR_FORMAT, "cannot be laid out"},
        {"wavlm", "\"max_bucket_distance\":24", "\"max_bucket_distance\":99999999999", FAL_ERR_FORMAT,
         "cannot be laid out"},
        {"wavlm", "\"model_type\":\"wavlm\"", "\"model_type\":\"hubert\"", FAL_ERR_UNSUPPORTED,
         "model_type \"hubert\", the tensors fit \"wavlm\""},
        {"wav2vec2", "\"model_type\":\"wav2vec2\"", "\"model_type\":\"data2vec-audio\"", FAL_ERR_UNSUPPORTED,
         "data2vec-audio"},
        {"wavlm", "\"num_attention_heads\":5", "\"num_attention_heads\":8", FAL_ERR_FORMAT, "rel_attn_embed"},
    };
    for (size_t i = 0; i < FAL_COUNT(cases); i++) {
        foreign f = {.family = cases[i].family,
                     .prefix = "",
                     .with_config = true,
                     .replace = cases[i].replace,
                     .replace_by = cases[i].by};
        check_refused(&f, NULL, cases[i].status, cases[i].part);
    }
}

/* ---- fine-tuned with fairseq ---- */

/* The pre-trained golden as fairseq saves it after fine-tuning: the encoder two levels down, its own configuration
 * under w2v_args, and beside that settings of the outer model that mean nothing for the encoder. */
static void test_fine_tuned_fairseq(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_encoding of[2];
    fal_encoder *enc[2] = {NULL, NULL};
    fal_session *session[2] = {NULL, NULL};
    const char *const files[2] = {"checkpoint.pt", "finetuned.pt"};
    fal_npy wave = fal_golden_npy(fal_data_path("wav2vec2/w2v2-base-fairseq/odd/input.npy"));
    fal_array audio = {FAL_ELEMENT_F32, 1, {(int64_t)wave.count}, wave.data};
    fal_encode_request request = {.audio = &audio};
    for (int i = 0; i < 2; i++) {
        const char *path = fal_data_path("wav2vec2/w2v2-base-fairseq/%s", files[i]);
        fal_check_ok(fal_encoder_open(path, NULL, &enc[i], &err), &err);
        assert_string_equal(fal_encoder_describe(enc[i])->family, "wav2vec2");
        assert_int_equal(fal_encoder_describe(enc[i])->heads, 4);
        fal_check_ok(fal_session_create(NULL, &session[i], &err), &err);
        fal_check_ok(fal_encode(enc[i], session[i], &request, &of[i], &err), &err);
    }
    assert_int_equal(of[0].rows, of[1].rows);
    fal_check_close("fine-tuned file against the pre-trained one", of[1].features, of[0].features,
                    (size_t)(of[0].rows * of[0].dim), 0, 0);
    for (int i = 0; i < 2; i++) {
        fal_session_free(&session[i]);
        fal_encoder_free(&enc[i]);
    }
    fal_npy_free(&wave);
}

/* ---- hidden states at the features' rate ---- */

/* The last hidden state, two rows joined, is the feature. */
static void check_joined(const char *family, int samples)
{
    static float wave[9000];
    fal_error err = {0};
    fal_encoding out;
    fal_encoder *enc = NULL;
    fal_session *session = NULL;
    fal_array audio = {FAL_ELEMENT_F32, 1, {samples}, wave};
    fal_encode_request request = {.audio = &audio, .all_layers = true, .pool_hidden = true};
    for (int i = 0; i < samples; i++)
        wave[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    const char *path = write_foreign(&(foreign){.family = family, .prefix = "", .with_config = true});
    fal_check_ok(fal_encoder_open(path, NULL, &enc, &err), &err);
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    fal_check_ok(fal_encode(enc, session, &request, &out, &err), &err);
    for (size_t k = 0; k < out.hidden_count; k++) {
        assert_int_equal(out.hidden[k].rows, out.rows);
        assert_int_equal(out.hidden[k].dim, out.dim);
    }
    assert_memory_equal(out.hidden[out.hidden_count - 1].data, out.features,
                        (size_t)(out.rows * out.dim) * sizeof(float));
    fal_session_free(&session);
    fal_encoder_free(&enc);
}

static void test_joined_hidden_states(void **state)
{
    (void)state;
    static const char *const families[] = {"wav2vec2", "hubert", "wavlm"};
    for (size_t f = 0; f < FAL_COUNT(families); f++) {
        check_joined(families[f], 400);  /* 1 row */
        check_joined(families[f], 8400); /* 26 */
        check_joined(families[f], 8800); /* 27: the last one repeated */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_alone),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_model_type),
        cmocka_unit_test(test_heads_of_pre_training),
        cmocka_unit_test(test_configurations_that_disagree),
        cmocka_unit_test(test_fine_tuned_fairseq),
        cmocka_unit_test(test_joined_hidden_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
