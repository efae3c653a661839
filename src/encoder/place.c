#include "encoder/place.h"

#include "core/alloc.h"
#include "core/home.h"
#include "core/str.h"
#include "core/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

static const char *const endings[] = {".safetensors", ".pt", ".pth", ".bin", ".ckpt"};

size_t fal_weights_stem(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < FAL_COUNT(endings); i++)
        if (fal_str_ends(name, endings[i]) && length > strlen(endings[i]))
            return length - strlen(endings[i]);
    return length;
}

void fal_place_free(fal_place *place)
{
    fal_free(place->path);
    *place = (fal_place){0};
}

fal_encoder_options fal_place_options(const fal_place *place, const fal_encoder_options *options)
{
    fal_encoder_options out = options ? *options : (fal_encoder_options){0};
    if (!out.family && place->family)
        out.family = place->family->name;
    return out;
}

/* ---- inside a folder ---- */

typedef struct content {
    char *weights;   /* the first file with an ending of weights */
    char *another;   /* a second one */
    bool unfinished; /* something ends in .part */
} content;

static void content_free(content *c)
{
    fal_free(c->weights);
    fal_free(c->another);
}

static bool looks_like_weights(const char *name)
{
    return name[0] != '.' && name[fal_weights_stem(name)];
}

static fal_status look_into(const char *folder, content *out, fal_error *err)
{
    fal_status st = FAL_OK;
    struct dirent *item;
    DIR *dir = opendir(folder);
    if (!dir)
        return fal_fail_errno(err, "%s: cannot look into the folder", folder);
    while (!out->another && (item = readdir(dir))) {
        out->unfinished = out->unfinished || fal_str_ends(item->d_name, ".part");
        if (looks_like_weights(item->d_name))
            FAL_ALLOC(*(out->weights ? &out->another : &out->weights), fal_strdup(item->d_name));
    }
done:
    closedir(dir);
    return st;
}

/* The file the catalogue names first, where it is in the folder; else the only one that looks like weights. */
static fal_status weights_in(const char *folder, const fal_config_entry *entry, char **path, bool *unfinished,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    content in = {0};
    if (fal_checkpoint_is_model_folder(folder)) {
        FAL_ALLOC(*path, fal_strdup(folder));
        goto done;
    }
    if (entry && entry->model.files[0].name) {
        FAL_ALLOC(*path, fal_path_join(folder, entry->model.files[0].name));
        if (fal_path_exists(*path))
            goto done;
        fal_release(path);
    }
    FAL_TRY(look_into(folder, &in, err));
    *unfinished = in.unfinished;
    if (in.another)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "%s holds several weights files, among them %s and %s: give the path of one",
                 folder, in.weights, in.another);
    if (in.weights)
        FAL_ALLOC(*path, fal_path_join(folder, in.weights));
done:
    content_free(&in);
    return st;
}

/* ---- in the model folder ---- */

static fal_status with_ending(const char *stem, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < FAL_COUNT(endings); i++) {
        FAL_ALLOC(*path, fal_asprintf("%s%s", stem, endings[i]));
        if (fal_path_exists(*path))
            break;
        fal_release(path);
    }
done:
    return st;
}

fal_status fal_place_installed(const char *name, char **path, bool *unfinished, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_family *family;
    char *models = NULL, *stem = NULL, *found = NULL;
    *path = NULL;
    *unfinished = false;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
        return FAL_OK;
    st = fal_home_path("models", &models, err);
    if (st != FAL_OK)
        return st == FAL_ERR_NOT_FOUND ? FAL_OK : st; /* no home, no models */
    FAL_ALLOC(stem, fal_path_join(models, name));
    if (fal_path_is_dir(stem))
        FAL_TRY(weights_in(stem, fal_catalogue_find(name, &family), &found, unfinished, err));
    else if (fal_path_exists(stem))
        FAL_ALLOC(found, fal_strdup(stem));
    if (!found)
        FAL_TRY(with_ending(stem, &found, err));
    *path = found;
    found = NULL;
done:
    fal_free(found);
    fal_free(stem);
    fal_free(models);
    return st;
}

fal_status fal_model_path(const char *name, char **path, fal_error *err)
{
    bool unfinished;
    return fal_place_installed(name, path, &unfinished, err);
}

/* ---- families ---- */

int fal_entry_streams(const fal_config_entry *entry, const fal_family *family)
{
    fal_encoder_description d = {.streams = family->streams};
    family->describe(entry->config, &d);
    return d.streams;
}

static bool has_stream(const fal_config_entry *entry, const fal_family *family, fal_stream stream)
{
    return !stream || fal_entry_streams(entry, family) & 1 << stream;
}

static fal_status none_of_family(const fal_family *family, fal_stream stream, fal_error *err)
{
    fal_buf known = {0};
    size_t count = 0;
    for (size_t i = 0; i < family->config_count; i++)
        if (!family->configs[i].random && has_stream(&family->configs[i], family, stream))
            fal_buf_printf(&known, "%s%s", count++ ? ", " : "", family->configs[i].model.name);
    fal_status st = fal_fail(err, FAL_ERR_NOT_FOUND,
                             "no model of family %s%s%s is installed; get one with `falsetto models pull NAME`, where "
                             "NAME is one of: %s",
                             family->name, stream ? " with stream " : "", stream ? fal_stream_name(stream) : "",
                             known.data ? known.data : "(there is none)");
    fal_buf_free(&known);
    return st;
}

static fal_status find_family(const fal_family *family, fal_stream stream, fal_place *out, fal_error *err)
{
    fal_status st = FAL_OK;
    bool unfinished;
    for (size_t i = 0; i < family->config_count; i++) {
        const fal_config_entry *entry = &family->configs[i];
        if (entry->random || !has_stream(entry, family, stream))
            continue;
        FAL_TRY(fal_place_installed(entry->model.name, &out->path, &unfinished, err));
        if (out->path) {
            out->entry = entry;
            out->family = family;
            goto done;
        }
    }
    FAL_TRY(none_of_family(family, stream, err));
done:
    return st;
}

/* ---- all together ---- */

static fal_status not_installed(const fal_model_entry *model, bool unfinished, fal_error *err)
{
    return fal_fail(err, FAL_ERR_NOT_FOUND, "%s is %s (licence of its weights: %s%s): `falsetto models pull %s` %s",
                    model->name, unfinished ? "only in part downloaded" : "not installed", model->licence,
                    model->non_commercial ? ", non-commercial use only" : "", model->name,
                    unfinished    ? "goes on with it"
                    : model->page ? "says how to get it"
                                  : "fetches it");
}

/* Families first: of equally near names the shorter. */
static const char *known_name(size_t index)
{
    size_t families = fal_family_count();
    return index < families ? fal_family_at(index)->name : fal_model_at(index - families)->name;
}

fal_status fal_place_unknown(const char *source, fal_error *err)
{
    fal_buf near = {0};
    bool is_path = strchr(source, '/') || looks_like_weights(source);
    fal_suggest(source, fal_family_count() + fal_model_count(), known_name, &near);
    fal_status st =
        fal_fail(err, FAL_ERR_NOT_FOUND,
                 is_path ? "%s: no such file or folder%s" : "%s is no file, no folder and no model's name%s", source,
                 near.data ? near.data
                 : is_path ? ""
                           : "; `falsetto models list` shows the names");
    fal_buf_free(&near);
    return st;
}

/* A folder without weights leaves out->path NULL: it does not hide the model of its name (clips/, say). */
static fal_status find_path(const char *source, fal_place *out, fal_error *err)
{
    fal_status st = FAL_OK;
    bool unfinished;
    if (!fal_path_exists(source))
        return FAL_OK;
    if (fal_str_ends(source, ".part"))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: an unfinished download: `falsetto models pull NAME` goes on with it", source);
    if (fal_path_is_dir(source))
        FAL_TRY(weights_in(source, NULL, &out->path, &unfinished, err));
    else
        FAL_ALLOC(out->path, fal_strdup(source));
done:
    return st;
}

fal_status fal_place_find(const char *source, fal_stream stream, fal_place *out, fal_error *err)
{
    fal_status st = FAL_OK;
    bool unfinished;
    fal_place place = {0};
    const fal_family *owner = NULL, *family = fal_family_find(source);
    const fal_config_entry *entry = fal_catalogue_find(source, &owner);
    FAL_TRY(find_path(source, &place, err));
    if (!place.path) {
        FAL_TRY(fal_place_installed(source, &place.path, &unfinished, err));
        place.entry = entry;
        place.family = entry ? owner : NULL;
    }
    if (!place.path && entry && !entry->random)
        FAL_TRY(not_installed(&entry->model, unfinished, err));
    if (!place.path && !entry && family)
        FAL_TRY(find_family(family, stream, &place, err));
    if (!place.path && !place.entry && fal_path_exists(source))
        FAL_ALLOC(place.path, fal_strdup(source)); /* of a folder without weights, the reader says what it looked for */
    if (!place.path && !place.entry)
        FAL_TRY(fal_place_unknown(source, err));
    *out = place;
    place = (fal_place){0};
done:
    fal_place_free(&place);
    return st;
}

fal_status fal_place_file(const char *source, fal_place *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_place place = {0};
    FAL_TRY(fal_place_find(source, 0, &place, err));
    if (!place.path)
        FAL_FAIL(FAL_ERR_NOT_FOUND,
                 "%s is drawn from a seed when it is opened; `falsetto models init %s` writes a file", source, source);
    *out = place;
    place = (fal_place){0};
done:
    fal_place_free(&place);
    return st;
}
