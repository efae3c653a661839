/* Any checkpoint, described. */
#include "core/str.h"
#include "encoder/info_text.h"
#include "encoder/place.h"

/* A family's binding is tried in full, so that "recognised" means "can be opened". */
static void put_model(fal_jw *w, const fal_loaded *loaded, const char *reason)
{
    if (reason) {
        fal_jw_put_string(w, "family", NULL);
        fal_jw_put_string(w, "reason", reason);
        return;
    }
    fal_jw_put_string(w, "family", loaded->family->name);
    fal_jw_put_string(w, "size", loaded->size);
    fal_jw_key(w, "config");
    fal_jw_object(w);
    loaded->family->config_json(loaded->config, w);
    fal_jw_end_object(w);
    fal_jw_put_int(w, "parameters", (int64_t)fal_loaded_parameters(loaded));
    fal_jw_put_int(w, "used_tensors", (int64_t)fal_bind_bound_count(loaded->bind));
}

static void put_tensors(fal_jw *w, const fal_checkpoint *ckpt)
{
    fal_jw_key(w, "tensors");
    fal_jw_array(w);
    for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
        const fal_named_tensor *t = fal_checkpoint_at(ckpt, i);
        fal_jw_object(w);
        fal_jw_put_string(w, "name", t->name);
        fal_jw_put_string(w, "dtype", fal_dtype_name(t->tensor.dtype));
        fal_jw_key(w, "shape");
        fal_jw_array(w);
        for (int axis = 0; axis < t->tensor.rank; axis++)
            fal_jw_int(w, t->tensor.shape[axis]);
        fal_jw_end_array(w);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static void put_totals(fal_jw *w, const fal_checkpoint *ckpt)
{
    fal_jw_key(w, "totals");
    fal_jw_object(w);
    for (int type = FAL_F32; type <= FAL_BOOL; type++) {
        int64_t tensors = 0, elements = 0;
        for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
            const fal_tensor *t = &fal_checkpoint_at(ckpt, i)->tensor;
            if (t->dtype != (fal_dtype)type)
                continue;
            tensors++;
            elements += fal_tensor_count(t);
        }
        if (!tensors)
            continue;
        fal_jw_key(w, fal_dtype_name((fal_dtype)type));
        fal_jw_object(w);
        fal_jw_put_int(w, "tensors", tensors);
        fal_jw_put_int(w, "elements", elements);
        fal_jw_end_object(w);
    }
    fal_jw_end_object(w);
}

static void put_metadata(fal_jw *w, const fal_checkpoint *ckpt)
{
    fal_jw_key(w, "metadata");
    fal_jw_object(w);
    for (size_t i = 0; i < fal_checkpoint_metadata_count(ckpt); i++) {
        const char *value;
        fal_jw_key(w, fal_checkpoint_metadata_at(ckpt, i, &value));
        fal_jw_string(w, value);
    }
    fal_jw_end_object(w);
}

static void put_file(fal_jw *w, const fal_checkpoint *ckpt)
{
    fal_jw_put_string(w, "path", fal_checkpoint_path(ckpt));
    fal_jw_put_string(w, "container", fal_container_name(fal_checkpoint_container(ckpt)));
    fal_jw_put_int(w, "bytes", (int64_t)fal_checkpoint_bytes(ckpt));
    fal_jw_put_string(w, "root_key", fal_checkpoint_root_key(ckpt));
    put_metadata(w, ckpt);
    fal_jw_key(w, "classes");
    fal_jw_array(w);
    for (size_t i = 0; i < fal_checkpoint_class_count(ckpt); i++)
        fal_jw_string(w, fal_checkpoint_class_at(ckpt, i));
    fal_jw_end_array(w);
    put_totals(w, ckpt);
    put_tensors(w, ckpt);
}

static void write_json(const fal_loaded *loaded, const char *reason, fal_buf *out)
{
    fal_jw w = fal_jw_start(out, false);
    fal_jw_object(&w);
    put_model(&w, loaded, reason);
    put_file(&w, loaded->ckpt);
    fal_jw_end_object(&w);
}

typedef void writer(const fal_loaded *loaded, const char *reason, fal_buf *out);

static fal_status info(const char *source, writer *write, char **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error why = {0};
    fal_loaded loaded = {0};
    fal_buf text = {0};
    fal_place place = {0};
    FAL_TRY(fal_place_file(source, &place, err));
    fal_encoder_options how = fal_place_options(&place, NULL);
    fal_status opened = fal_loaded_try(place.path, &how, &loaded, &why);
    if (!loaded.ckpt || opened == FAL_ERR_MEMORY)
        FAL_FAIL(opened, "%s", why.text);
    write(&loaded, opened == FAL_OK ? NULL : why.text, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    *out = text.data;
    text = (fal_buf){0};
done:
    fal_buf_free(&text);
    fal_loaded_free(&loaded);
    fal_place_free(&place);
    return st;
}

fal_status fal_model_info_json(const char *source, char **json, fal_error *err)
{
    return info(source, write_json, json, err);
}

fal_status fal_model_info_text(const char *source, char **text, fal_error *err)
{
    fal_status st = info(source, fal_info_text, text, err);
    if (st == FAL_OK)
        fal_str_tame(*text);
    return st;
}
