/* Configuration files of the vision transformers: what is read from them, what is refused, what holds without them.
 * Each case is a golden folder copied with one text changed. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
#include "encoder/loaded.h"
#include "support/test.h"
#include "weights/safetensors_write.h"

#include <stdio.h>
#include <string.h>

typedef struct folder_case {
    const char *source, *weights; /* folder of tests/data, file in it */
    const char *changed;          /* file with the change; NULL: none is changed */
    const char *find, *replace;   /* NULL `replace`: the file is left out */
    const char *config;           /* opens, with this in the configuration's text; or */
    fal_status status;            /* fails, */
    const char *error;            /* saying this */
} folder_case;

#define CLIP "clip/hf_safetensors_syn", "model.safetensors"
#define OPEN_CLIP "clip/openclip_gelu_syn", "open_clip_pytorch_model.bin"
#define VIDEOMAE "videomae/hf_pretrain_syn", "model.safetensors"
#define FSFM "fsfm/pretrain_online_syn", "checkpoint-400.pth"
#define CONFIG "config.json"
#define PROCESSOR "preprocessor_config.json"
#define OF_OPEN_CLIP "open_clip_config.json"
#define STATISTICS "pretrain_ds_mean_std.txt"

static const folder_case cases[] = {
    {CLIP, .config = "\"crop_floor\":true"},
    {CLIP, PROCESSOR, "\"size\": 28", "\"size\": {\"shortest_edge\": 32}", .config = "\"shortest_edge\":32"},
    {CLIP, PROCESSOR, "\"size\": 28", "\"size\": {\"height\": 28, \"width\": 28}", .config = "\"height\":28"},
    {CLIP, PROCESSOR, "\"crop_size\": 28", "\"crop_size\": {\"height\": 28, \"width\": 28}",
     .config = "\"shortest_edge\":28"},
    {CLIP, PROCESSOR, "\"resample\": 3", "\"resample\": 2", .config = "\"resample\":2"},
    {CLIP, PROCESSOR, "0.48145466", "0.5", .config = "\"image_mean\":[0.5,0.4578275,0.40821072]"},
    {CLIP, PROCESSOR, NULL, NULL, .config = "\"crop_floor\":false"},
    {CLIP, CONFIG, "\"quick_gelu\"", "\"gelu\"", .config = "\"hidden_act\":\"gelu\""},
    {CLIP, CONFIG, "\"num_attention_heads\": 5", "\"num_attention_heads\": 4", .config = "\"num_attention_heads\":4"},
    {CLIP, CONFIG, "\"quick_gelu\"", "\"relu\"", .status = FAL_ERR_UNSUPPORTED, .error = "relu"},
    {CLIP, CONFIG, "\"model_type\": \"clip\"", "\"model_type\": \"blip\"", .status = FAL_ERR_UNSUPPORTED,
     .error = "blip"},
    {CLIP, CONFIG, "\"hidden_size\": 40", "\"hidden_size\": 48", .status = FAL_ERR_FORMAT, .error = "hidden_size 48"},
    {CLIP, CONFIG, "\"image_size\": 28", "\"image_size\": 35", .status = FAL_ERR_FORMAT, .error = "image_size 35"},
    {CLIP, CONFIG, "\"num_attention_heads\": 5", "\"num_attention_heads\": 7", .status = FAL_ERR_FORMAT,
     .error = "7 attention heads"},
    {CLIP, CONFIG, "\"layer_norm_eps\": 1e-05", "\"layer_norm_eps\": -1", .status = FAL_ERR_FORMAT,
     .error = "layer_norm_eps"},
    {CLIP, PROCESSOR, "\"crop_size\": 28", "\"crop_size\": 30", .status = FAL_ERR_FORMAT, .error = "28 x 28"},
    {CLIP, PROCESSOR, "\"size\": 28", "\"size\": 20", .status = FAL_ERR_FORMAT, .error = "28 x 28"},
    {CLIP, PROCESSOR, "\"size\": 28", "\"size\": 1000000", .status = FAL_ERR_FORMAT, .error = "28 x 28"},
    {CLIP, PROCESSOR, "\"resample\": 3", "\"resample\": 1", .status = FAL_ERR_UNSUPPORTED, .error = "resample 1"},
    {CLIP, PROCESSOR, "0.26862954", "0", .status = FAL_ERR_FORMAT, .error = "image_std"},
    {CLIP, PROCESSOR, "0.48145466,", "", .status = FAL_ERR_FORMAT, .error = "image_mean"},

    {OPEN_CLIP, .config = "\"hidden_act\":\"gelu\""},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"embed_dim\"", "\"quick_gelu\": true, \"embed_dim\"",
     .config = "\"hidden_act\":\"quick_gelu\""},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"head_width\": 12", "\"head_width\": 18", .config = "\"num_attention_heads\":2"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"mean\"", "\"resize_mode\": \"squash\", \"mean\"", .config = "\"height\":24"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"head_width\": 12", "\"head_width\": 11", .status = FAL_ERR_FORMAT,
     .error = "head_width 11"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"layers\": 2", "\"layers\": 3", .status = FAL_ERR_FORMAT, .error = "layers 3"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"layers\": 2", "\"attentional_pool\": true, \"layers\": 2",
     .status = FAL_ERR_UNSUPPORTED, .error = "attentional_pool"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"layers\": 2", "\"pool_type\": \"avg\", \"layers\": 2", .status = FAL_ERR_UNSUPPORTED,
     .error = "avg"},
    {OPEN_CLIP, OF_OPEN_CLIP, "\"mean\"", "\"resize_mode\": \"longest\", \"mean\"", .status = FAL_ERR_UNSUPPORTED,
     .error = "longest"},
    {OPEN_CLIP, OF_OPEN_CLIP, NULL, NULL, .status = FAL_ERR_ARGUMENT, .error = "36 channels"},

    {VIDEOMAE, .config = "\"layer_norm_eps\":1e-12"},
    {VIDEOMAE, CONFIG, "\"num_frames\": 16", "\"num_frames\": 8", .config = "\"num_frames\":8"},
    {VIDEOMAE, CONFIG, "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e-6", .config = "\"layer_norm_eps\":1e-06"},
    {VIDEOMAE, PROCESSOR, NULL, NULL, .config = "\"image_mean\":[0.485,0.456,0.406]"},
    {VIDEOMAE, CONFIG, "\"num_frames\": 16", "\"num_frames\": 15", .status = FAL_ERR_FORMAT, .error = "15 frames"},
    {VIDEOMAE, CONFIG, "\"num_frames\": 16", "\"num_frames\": 1000000000", .status = FAL_ERR_FORMAT,
     .error = "1000000000 frames"},
    {VIDEOMAE, CONFIG, "\"image_size\": 16", "\"image_size\": 9223372036854775807", .status = FAL_ERR_FORMAT,
     .error = "9223372036854775807"},
    {VIDEOMAE, CONFIG, "\"tubelet_size\": 2", "\"tubelet_size\": 4", .status = FAL_ERR_FORMAT,
     .error = "tubelet_size 4"},
    {VIDEOMAE, CONFIG, "\"model_type\": \"videomae\"", "\"model_type\": \"vivit\"", .status = FAL_ERR_UNSUPPORTED,
     .error = "vivit"},
    {VIDEOMAE, CONFIG, NULL, NULL, .status = FAL_ERR_ARGUMENT, .error = "36 channels"},

    {FSFM, .config = "\"image_mean\":[0.54822075,"},
    {FSFM, STATISTICS, "0.5482207536697388", "0.25", .config = "\"image_mean\":[0.25,"},
    {FSFM, STATISTICS, NULL, NULL, .config = "\"image_mean\":[0.54822075,"},
    {FSFM, STATISTICS, "0.5482207536697388", "\"dark\"", .status = FAL_ERR_FORMAT, .error = STATISTICS ": mean"},
    {FSFM, STATISTICS, "0.2789176106452942", "-0.1", .status = FAL_ERR_FORMAT, .error = STATISTICS ": std"},
    {FSFM, STATISTICS, "{", "[", .status = FAL_ERR_FORMAT, .error = STATISTICS},
};

/* One file of the case's folder, changed if it is the one; absent files stay so. */
static void copy_file(const folder_case *c, const char *name, const char *folder)
{
    fal_error err = {0};
    fal_buf text = {0}, edited = {0};
    const char *from = fal_data_path("%s/%s", c->source, name);
    bool changed = fal_str_eq(c->changed, name);
    if (!fal_path_exists(from) || (changed && !c->replace))
        return;
    fal_check_ok(fal_file_read(from, 0, &text, &err), &err);
    const char *at = changed ? strstr(text.data, c->find) : NULL;
    if (changed && !at)
        fail_msg("%s has no %s", from, c->find);
    if (at)
        fal_buf_printf(&edited, "%.*s%s%s", (int)(at - text.data), text.data, c->replace, at + strlen(c->find));
    const fal_buf *out = at ? &edited : &text;
    char *path = fal_path_join(folder, name);
    assert_non_null(path);
    fal_check_ok(fal_file_write(path, out->data, out->length, &err), &err);
    fal_free(path);
    fal_buf_free(&text);
    fal_buf_free(&edited);
}

static void check_folder(const folder_case *c, int number)
{
    static const char *const files[] = {CONFIG, PROCESSOR, OF_OPEN_CLIP, STATISTICS};
    fal_error err = {0};
    fal_loaded loaded = {0};
    fal_buf text = {0};
    const fal_encoder_options options = {.heads = strncmp(c->source, "fsfm", 4) == 0 ? 3 : 0};
    const char *folder = fal_temp_path("folder-%d", number);
    fal_check_ok(fal_make_dirs(folder, &err), &err);
    copy_file(c, c->weights, folder);
    for (size_t i = 0; i < FAL_COUNT(files); i++)
        copy_file(c, files[i], folder);
    char *path = fal_path_join(folder, c->weights);
    assert_non_null(path);
    print_message("%s, %s: %s\n", c->source, c->changed ? c->changed : "as it is", c->replace ? c->replace : "");
    if (c->error) {
        fal_check_fails(fal_loaded_open(path, &options, &loaded, &err), c->status, c->error, &err);
    } else {
        fal_check_ok(fal_loaded_open(path, &options, &loaded, &err), &err);
        fal_loaded_config_text(loaded.family, loaded.config, &text);
        if (!strstr(text.data, c->config))
            fail_msg("got %s, want %s in it", text.data, c->config);
    }
    fal_buf_free(&text);
    fal_loaded_free(&loaded);
    fal_free(path);
}

static void test_folders(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAL_COUNT(cases); i++)
        check_folder(&cases[i], (int)i);
}

/* ---- files of neighbours ---- */

static fal_status open_with(const char *const *names, const int64_t shape[5], int rank, fal_error *err)
{
    static const float zeros[4 * 3 * 2 * 2 * 2];
    fal_named_tensor tensors[4];
    fal_encoder *enc = NULL;
    size_t count = 0;
    const char *path = fal_temp_path("neighbour.safetensors");
    for (; names[count]; count++)
        tensors[count] = (fal_named_tensor){names[count], fal_tensor_f32(zeros, rank, shape)};
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, err), err);
    return fal_encoder_open(path, NULL, &enc, err);
}

static void test_neighbours(void **state)
{
    (void)state;
    fal_error err = {0};
    static const int64_t shape[] = {4, 3, 2, 2, 2};
    static const char *const resnet[] = {"visual.attnpool.positional_embedding", "visual.conv1.weight", NULL};
    static const char *const no_class[] = {"patch_embed.proj.weight", "blocks.0.attn.qkv.weight", NULL};
    static const char *const vit[] = {"vit.embeddings.patch_embeddings.projection.weight", NULL};
    fal_check_fails(open_with(resnet, shape, 4, &err), FAL_ERR_UNSUPPORTED, "ResNet", &err);
    fal_check_fails(open_with(no_class, shape, 4, &err), FAL_ERR_UNSUPPORTED, "another vision transformer", &err);
    fal_check_fails(open_with(vit, shape, 4, &err), FAL_ERR_UNSUPPORTED, "another vision transformer", &err);
    fal_check_fails(open_with(no_class, shape, 5, &err), FAL_ERR_FORMAT, "feed-forward",
                    &err); /* VideoMAE, cut short */
}

/* ---- files without configuration ---- */

/* A CLIP of `width` channels under OpenAI's names below `prefix`, drawn; its configuration as read back. */
static void check_assumed(const char *prefix, int heads, const char *want)
{
    static char names[128][160];
    fal_error err = {0};
    fal_loaded drawn = {0}, read = {0};
    fal_named_tensor tensors[128];
    fal_buf text = {0};
    const fal_family *clip = fal_family_find("clip");
    const fal_encoder_options options = {.heads = heads};
    void *config = fal_calloc(1, clip->config_size);
    assert_non_null(config);
    clip->tiny(config);
    fal_check_ok(fal_loaded_draw(clip, config, "tiny", 3, 1, &drawn, &err), &err);
    size_t count = fal_bind_bound_count(drawn.bind);
    assert_true(count <= FAL_COUNT(tensors));
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s%s", prefix, fal_bind_bound_at(drawn.bind, i)->name);
        tensors[i] = (fal_named_tensor){names[i], fal_bind_bound_at(drawn.bind, i)->tensor};
    }
    const char *path = fal_temp_path("bare.safetensors");
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_check_ok(fal_loaded_open(path, &options, &read, &err), &err);
    fal_loaded_config_text(clip, read.config, &text);
    if (!strstr(text.data, want))
        fail_msg("got %s, want %s in it", text.data, want);
    fal_buf_free(&text);
    fal_loaded_free(&drawn);
    fal_loaded_free(&read);
    fal_free(config);
}

static void test_assumed(void **state)
{
    (void)state;
    check_assumed("", 4, "\"hidden_act\":\"quick_gelu\"");
    check_assumed("module.", 4, "\"hidden_act\":\"gelu\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_assumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
