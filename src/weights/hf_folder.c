/* Model folders as Hugging Face and open_clip lay them out. */
#include "core/alloc.h"
#include "core/str.h"
#include "weights/container.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FAL_LOG_COMPONENT "weights"

enum { MAX_SHARDS = 256 };

static const struct {
    const char *name;
    bool is_index;
} weight_files[] = {
    {"model.safetensors", false},
    {"model.safetensors.index.json", true},
    {"pytorch_model.bin", false},
    {"pytorch_model.bin.index.json", true},
    {"open_clip_model.safetensors", false},
    {"open_clip_pytorch_model.bin", false},
};

bool fal_checkpoint_is_model_folder(const char *folder)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof weight_files / sizeof *weight_files; i++) {
        int length = snprintf(path, sizeof path, "%s/%s", folder, weight_files[i].name);
        if (length >= 0 && (size_t)length < sizeof path && fal_path_exists(path))
            return true;
    }
    return false;
}

/* ---- shards ---- */

/* A shard lies beside its index: nothing else is opened on an index's word. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

static fal_status read_shard(fal_checkpoint *ckpt, const char *folder, const char *name, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    FAL_ALLOC(path, fal_path_join(folder, name));
    FAL_TRY(fal_checkpoint_read_file(ckpt, path, err));
done:
    fal_free(path);
    return st;
}

/* Distinct values of the weight map, in order of first use; they belong to the document. */
static fal_status list_shards(const fal_json *map, const char *index, const char *shards[MAX_SHARDS], size_t *count,
                              fal_error *err)
{
    void *iter = NULL;
    const char *tensor;
    const fal_json *item;
    *count = 0;
    while (fal_json_next(map, &iter, &tensor, &item)) {
        const char *name = fal_json_string(item, NULL);
        size_t i = 0;
        if (!name || !is_plain_name(name))
            return fal_fail(err, FAL_ERR_FORMAT, "%s: %.100s is said to be in \"%.100s\", expected a file name", index,
                            tensor, name ? name : "");
        /* Consecutive tensors mostly share a shard: look at the latest first. */
        while (i < *count && strcmp(shards[*count - 1 - i], name) != 0)
            i++;
        if (i < *count)
            continue;
        if (*count == MAX_SHARDS)
            return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: more than %d files", index, MAX_SHARDS);
        shards[(*count)++] = name;
    }
    return FAL_OK;
}

static size_t shard_of(const fal_json *item, const char *const *shards, size_t count)
{
    const char *name = fal_json_string(item, "");
    size_t i = 0;
    while (i < count && strcmp(shards[i], name) != 0)
        i++;
    return i;
}

/* Every tensor of the map must be in its shard; first[i] is where shard i starts in the checkpoint. */
static fal_status check_map(fal_checkpoint *ckpt, const fal_json *map, const char *index, const char *const *shards,
                            const size_t *first, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    const char *tensor;
    const fal_json *item;
    FAL_TRY(fal_checkpoint_index(ckpt, err));
    while (fal_json_next(map, &iter, &tensor, &item)) {
        size_t shard = shard_of(item, shards, count);
        const fal_named_tensor *found = fal_checkpoint_find(ckpt, tensor);
        size_t at = found ? (size_t)(found - ckpt->tensors) : 0;
        if (!found || at < first[shard] || at >= first[shard + 1])
            FAL_FAIL(FAL_ERR_FORMAT, "%s: %.200s is not in %.200s", index, tensor, shards[shard]);
    }
done:
    return st;
}

static fal_status read_sharded(fal_checkpoint *ckpt, const char *folder, const char *index, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    const char **shards = NULL;
    size_t *first = NULL, count;
    FAL_TRY(fal_json_read(index, &json, err));
    const fal_json *map = fal_json_get(json, "weight_map");
    if (fal_json_count(map) == 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: no weight_map", index);
    FAL_ALLOC(shards, fal_malloc_array(MAX_SHARDS, sizeof *shards));
    FAL_ALLOC(first, fal_malloc_array(MAX_SHARDS + 1, sizeof *first));
    FAL_TRY(list_shards(map, index, shards, &count, err));
    for (size_t i = 0; i < count; i++) {
        first[i] = fal_checkpoint_count(ckpt);
        FAL_TRY(read_shard(ckpt, folder, shards[i], err));
    }
    first[count] = fal_checkpoint_count(ckpt);
    FAL_TRY(check_map(ckpt, map, index, shards, first, count, err));
done:
    fal_free(shards);
    fal_free(first);
    fal_json_free(&json);
    return st;
}

fal_status fal_folder_read_weights(fal_checkpoint *ckpt, const char *folder, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    for (size_t i = 0; i < sizeof weight_files / sizeof *weight_files; i++) {
        fal_release(&path);
        FAL_ALLOC(path, fal_path_join(folder, weight_files[i].name));
        if (!fal_path_exists(path))
            continue;
        if (weight_files[i].is_index)
            FAL_TRY(read_sharded(ckpt, folder, path, err));
        else
            FAL_TRY(fal_checkpoint_read_file(ckpt, path, err));
        goto done;
    }
    FAL_FAIL(FAL_ERR_NOT_FOUND, "%s: a folder without weights; looked for model.safetensors, pytorch_model.bin, their "
             "index files, open_clip_model.safetensors and open_clip_pytorch_model.bin", folder);
done:
    fal_free(path);
    return st;
}

/* ---- configuration ---- */

static fal_status read_config(fal_checkpoint *ckpt, const char *path, const fal_value **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    FAL_TRY(fal_json_read(path, &json, err));
    FAL_TRY(fal_checkpoint_values(ckpt, json, path, out, err));
done:
    fal_json_free(&json);
    return st;
}

fal_status fal_folder_read_configs(fal_checkpoint *ckpt, const char *folder, bool strict, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error ignored = {0};
    char *path = NULL;
    const struct {
        const char *name;
        const fal_value **out;
    } files[] = {
        {"config.json", &ckpt->config},
        {"preprocessor_config.json", &ckpt->preprocessor},
        {"open_clip_config.json", &ckpt->open_clip},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fal_release(&path);
        FAL_ALLOC(path, fal_path_join(folder, files[i].name));
        if (*files[i].out || !fal_path_exists(path)) /* what the weights carry in themselves is closer to them */
            continue;
        st = read_config(ckpt, path, files[i].out, strict ? err : &ignored);
        if (!strict && st != FAL_OK && st != FAL_ERR_MEMORY) {
            fal_log_warn(ckpt->log, "ignored: %s", ignored.text);
            st = FAL_OK;
        } else if (st != FAL_OK) {
            if (!strict && err)
                *err = ignored;
            goto done;
        }
    }
done:
    fal_free(path);
    return st;
}
