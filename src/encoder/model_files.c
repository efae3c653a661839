/* Writing models: random ones from the catalogue, tidy copies of public ones. */
#include "core/alloc.h"
#include "core/log.h"
#include "core/str.h"
#include "core/thread.h"
#include "encoder/loaded.h"
#include "encoder/place.h"
#include "weights/safetensors_write.h"

#define FAL_LOG_COMPONENT "encoder"

fal_status fal_loaded_write(const fal_loaded *l, const char *source, fal_dtype store, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_named_tensor *tensors = NULL;
    fal_buf config = {0};
    size_t count = fal_bind_bound_count(l->bind);
    FAL_ALLOC(tensors, fal_malloc_array(count, sizeof *tensors));
    for (size_t i = 0; i < count; i++)
        tensors[i] = *fal_bind_bound_at(l->bind, i);
    fal_loaded_config_text(l->family, l->config, &config);
    if (config.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    const fal_metadata metadata[] = {
        {"format", "pt"},
        {"falsetto.family", l->family->name},
        {"falsetto.config", config.data},
        {"falsetto.source", source},
    };
    FAL_TRY(fal_safetensors_write(path, tensors, count, store, metadata, FAL_COUNT(metadata), err));
done:
    fal_buf_free(&config);
    fal_free(tensors);
    return st;
}

/* The one half-precision type that all floating tensors share, else float32. */
static fal_dtype stored_type(const fal_bind *bind)
{
    fal_dtype common = FAL_F32;
    for (size_t i = 0; i < fal_bind_bound_count(bind); i++) {
        fal_dtype type = fal_bind_bound_at(bind, i)->tensor.dtype;
        if ((type != FAL_F16 && type != FAL_BF16) || (i > 0 && type != common))
            return FAL_F32;
        common = type;
    }
    return common;
}

fal_status fal_model_import(const char *source, const char *path, fal_store store, const fal_encoder_options *options,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_loaded loaded = {0};
    fal_place place = {0};
    FAL_TRY(fal_place_file(source, &place, err));
    fal_encoder_options how = fal_place_options(&place, options);
    FAL_TRY(fal_loaded_open(place.path, &how, &loaded, err));
    fal_dtype type = store == FAL_STORE_F32    ? FAL_F32
                     : store == FAL_STORE_F16  ? FAL_F16
                     : store == FAL_STORE_BF16 ? FAL_BF16
                                               : stored_type(loaded.bind);
    FAL_TRY(fal_loaded_write(&loaded, fal_path_base(place.path), type, path, err));
    fal_log_info(how.log, "imported %s (%s %s) as %s", place.path, loaded.family->name, loaded.size, path);
done:
    fal_loaded_free(&loaded);
    fal_place_free(&place);
    return st;
}

fal_status fal_model_init(const char *name, uint64_t seed, fal_number_format store, const char *path,
                          const fal_log *log, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_loaded loaded = {0};
    const fal_family *family;
    const fal_config_entry *entry = fal_catalogue_find(name, &family);
    if (!entry)
        FAL_TRY(fal_place_unknown(name, err));
    FAL_TRY(fal_loaded_draw(family, entry->config, entry->model.size, seed, fal_cpu_count(), &loaded, err));
    FAL_TRY(fal_loaded_write(&loaded, "random", store == FAL_NUMBERS_BF16 ? FAL_BF16 : FAL_F32, path, err));
    fal_log_info(log, "wrote %s with random weights to %s", name, path);
done:
    fal_loaded_free(&loaded);
    return st;
}
