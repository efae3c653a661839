#include "encoder/loaded.h"

#include "core/alloc.h"
#include "core/str.h"

#include <string.h>

enum { DEFAULT_SEED = 1 };

void fal_loaded_free(fal_loaded *loaded)
{
    if (loaded->family && loaded->model)
        fal_model_free(loaded->family, &loaded->model);
    fal_free(loaded->config);
    fal_bind_free(&loaded->bind);
    fal_checkpoint_free(&loaded->ckpt);
    *loaded = (fal_loaded){0};
}

void fal_loaded_config_text(const fal_family *family, const void *config, fal_buf *out)
{
    fal_jw w = fal_jw_start(out, true);
    fal_jw_object(&w);
    family->config_json(config, &w);
    fal_jw_end_object(&w);
}

/* The released size with this configuration; of several, the longest whose name occurs in the path. */
static const char *size_name(const fal_family *family, const void *config, const char *path)
{
    const char *size = NULL;
    size_t matched = 0;
    fal_buf mine = {0}, theirs = {0};
    fal_loaded_config_text(family, config, &mine);
    for (size_t i = 0; i < family->config_count; i++) {
        const fal_model_entry *model = &family->configs[i].model;
        fal_buf_clear(&theirs);
        fal_loaded_config_text(family, family->configs[i].config, &theirs);
        if (mine.failed || theirs.failed || !fal_str_eq(mine.data, theirs.data))
            continue;
        size_t length = strstr(path, model->size) ? strlen(model->size) : 0;
        if (!size || length > matched) {
            size = model->size;
            matched = length;
        }
    }
    fal_buf_free(&mine);
    fal_buf_free(&theirs);
    return size ? size : "custom";
}

uint64_t fal_loaded_parameters(const fal_loaded *l)
{
    uint64_t count = 0;
    for (size_t i = 0; i < fal_bind_bound_count(l->bind); i++) {
        const fal_named_tensor *t = fal_bind_bound_at(l->bind, i);
        if (!fal_str_ends(t->name, ".running_mean") && !fal_str_ends(t->name, ".running_var"))
            count += (uint64_t)fal_tensor_count(&t->tensor);
    }
    return count;
}

static fal_status bind_all(fal_loaded *l, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_model_create(l->family, l->config, l->bind, &l->model, err));
    FAL_TRY(fal_bind_finish(l->bind, l->family->ignored, err));
done:
    return st;
}

fal_status fal_loaded_try(const char *path, const fal_encoder_options *options, fal_loaded *l, fal_error *err)
{
    fal_status st = FAL_OK;
    char prefix[FAL_PREFIX_BYTES];
    *l = (fal_loaded){0};
    FAL_TRY(fal_checkpoint_open(path, options->log, &l->ckpt, err));
    FAL_TRY(fal_family_recognise(l->ckpt, options->family, &l->family, prefix, err));
    FAL_ALLOC(l->config, fal_calloc(1, l->family->config_size));
    FAL_TRY(fal_bind_open(l->ckpt, prefix, &l->bind, err));
    fal_config_source source = {.ckpt = l->ckpt, .bind = l->bind, .options = options};
    if ((st = l->family->configure(&source, l->config, err)) != FAL_OK) {
        fal_error_prefix(err, "%s", path);
        goto done;
    }
    FAL_TRY(bind_all(l, err));
    l->size = size_name(l->family, l->config, path);
done:
    return st;
}

fal_status fal_loaded_open(const char *path, const fal_encoder_options *options, fal_loaded *out, fal_error *err)
{
    fal_loaded l;
    fal_status st = fal_loaded_try(path, options, &l, err);
    if (st == FAL_OK)
        *out = l;
    else
        fal_loaded_free(&l);
    return st;
}

fal_status fal_loaded_draw(const fal_family *family, const void *config, const char *size, uint64_t seed, int threads,
                           fal_loaded *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_loaded l = {.family = family, .size = size};
    FAL_ALLOC(l.config, fal_malloc(family->config_size));
    memcpy(l.config, config, family->config_size);
    FAL_TRY(fal_bind_random(seed ? seed : DEFAULT_SEED, family->draw, threads, &l.bind, err));
    FAL_TRY(bind_all(&l, err));
    *out = l;
    l = (fal_loaded){0};
done:
    fal_loaded_free(&l);
    return st;
}
