/* The catalogue, and which of its models are installed. */
#include "core/str.h"
#include "encoder/place.h"

fal_status fal_model_look(const char *name, fal_model_state *state, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_family *family;
    const fal_config_entry *entry = fal_catalogue_find(name, &family);
    char *path = NULL;
    bool unfinished;
    if (!entry)
        FAL_TRY(fal_place_unknown(name, err));
    FAL_TRY(fal_place_installed(name, &path, &unfinished, err));
    *state = path            ? FAL_MODEL_INSTALLED
             : entry->random ? FAL_MODEL_DRAWN
             : unfinished    ? FAL_MODEL_UNFINISHED
                             : FAL_MODEL_ABSENT;
done:
    fal_text_free(&path);
    return st;
}

static const char *state_name(fal_model_state state)
{
    static const char *const names[] = {[FAL_MODEL_ABSENT] = "absent",
                                        [FAL_MODEL_UNFINISHED] = "unfinished",
                                        [FAL_MODEL_INSTALLED] = "installed",
                                        [FAL_MODEL_DRAWN] = "drawn"};
    return names[state];
}

static void put_entry(fal_jw *w, const fal_model_entry *e, fal_model_state state)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "name", e->name);
    fal_jw_put_string(w, "family", e->family);
    fal_jw_put_string(w, "size", e->size);
    fal_jw_put_string(w, "streams", e->streams);
    fal_jw_put_int(w, "dim", e->dim);
    fal_jw_put_double(w, "rate_hz", e->rate_hz);
    fal_jw_put_string(w, "licence", e->licence);
    fal_jw_put_bool(w, "non_commercial", e->non_commercial);
    fal_jw_put_string(w, "source", e->source);
    fal_jw_put_string(w, "page", e->page);
    fal_jw_put_string(w, "state", state_name(state));
    fal_jw_end_object(w);
}

fal_status fal_model_list_json(const char *family, bool installed, char **json, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    if (family && !fal_family_find(family))
        FAL_TRY(fal_place_unknown(family, err));
    fal_jw_array(&w);
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *e = fal_model_at(i);
        fal_model_state state = FAL_MODEL_ABSENT;
        if (family && !fal_str_eq(family, e->family))
            continue;
        FAL_TRY(fal_model_look(e->name, &state, err));
        if (!installed || state == FAL_MODEL_INSTALLED || state == FAL_MODEL_DRAWN)
            put_entry(&w, e, state);
    }
    fal_jw_end_array(&w);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    *json = text.data;
    text = (fal_buf){0};
done:
    fal_buf_free(&text);
    return st;
}
