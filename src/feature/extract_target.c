#include "feature/extract_target.h"

#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "encoder/place.h"
#include "feature/crop_tree.h"
#include "feature/folder_claim.h"

#include <string.h>

#define RECORD "extract.json"

/* ---- names ---- */

/* "models/large.pt" -> "large", "hub/xls-r/" -> "xls-r". The caller's to fal_free. */
static char *model_name(const char *source, const char *family)
{
    size_t end = strlen(source);
    while (end > 1 && source[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && source[start - 1] != '/')
        start--;
    char *name = fal_strndup(source + start, end - start);
    if (name)
        name[fal_weights_stem(name)] = '\0';
    if (name && (!name[0] || name[0] == '.' || name[0] == '/')) {
        fal_free(name);
        name = fal_strdup(family);
    }
    return name;
}

static char *label_of(const fal_extract_target *t)
{
    char *label = NULL, *name = model_name(t->wanted->source, t->about->family);
    const char *stream = t->stream_count == 1 ? fal_stream_name(t->streams[0]) : NULL, *feature = t->wanted->feature;
    if (name)
        label = fal_asprintf("%s%s%s%s%s", name, stream ? "-" : "", stream ? stream : "", feature ? "-" : "",
                             feature ? feature : "");
    fal_free(name);
    return label;
}

/* Another target of the same name as that of `index`; NULL when there is none. */
static const fal_extract_target *namesake(const fal_extract_target *targets, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++)
        if (i != index && fal_str_eq(targets[i].label, targets[index].label))
            return &targets[i];
    return NULL;
}

/* A folder each; encoders of one name get the beginning of their fingerprint, whatever order they are given in. */
static fal_status name_folders(fal_extract_target *targets, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *out = targets[0].options->out;
    for (size_t i = 0; i < count; i++) {
        fal_extract_target *t = &targets[i];
        const fal_extract_target *other = namesake(targets, count, i);
        if (t->wanted->folder) {
            FAL_ALLOC(t->folder, fal_path_join(out, t->wanted->folder));
            continue;
        }
        if (other && fal_str_eq(other->fingerprint, t->fingerprint))
            FAL_FAIL(FAL_ERR_ARGUMENT, "%s is asked for twice", t->label);
        FAL_ALLOC(t->folder, count == 1 ? fal_strdup(out)
                             : other    ? fal_asprintf("%s/%s-%.8s", out, t->label, t->fingerprint)
                                        : fal_path_join(out, t->label));
    }
done:
    return st;
}

/* ---- opening ---- */

static void choose_streams(fal_extract_target *t)
{
    static const fal_stream all[FAL_EXTRACT_STREAMS] = {FAL_STREAM_VIDEO, FAL_STREAM_AUDIO, FAL_STREAM_AV};
    for (size_t i = 0; i < FAL_EXTRACT_STREAMS; i++)
        if ((!t->wanted->stream || all[i] == t->wanted->stream) && t->about->streams & 1 << all[i])
            t->streams[t->stream_count++] = all[i];
}

static fal_status check_layers(const fal_extract_target *t, fal_error *err)
{
    for (size_t i = 0; i < t->options->layer_count; i++)
        if (t->options->layers[i] < 0 || t->options->layers[i] > t->about->layers)
            return fal_fail(err, FAL_ERR_ARGUMENT, "layer %d was asked for, %s has layers 0 to %lld",
                            t->options->layers[i], t->wanted->source, (long long)t->about->layers);
    return FAL_OK;
}

static fal_status open_target(fal_extract_target *t, fal_encoder_pool *pool, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_place place = {0};
    if (!t->wanted->source)
        FAL_FAIL(FAL_ERR_ARGUMENT, "an encoder to extract with has no source");
    FAL_TRY(fal_encoder_pool_get(pool, t->wanted->source, t->wanted->stream, t->wanted->feature, &t->encoder, err));
    t->about = fal_encoder_describe(t->encoder);
    choose_streams(t);
    FAL_TRY(check_layers(t, err));
    FAL_TRY(fal_place_find(t->wanted->source, t->wanted->stream, &place, err));
    if (place.path)
        FAL_TRY(fal_fingerprint(place.path, t->fingerprint, err));
    t->model = place.entry ? place.entry->model.name : fal_path_base(t->wanted->source);
    FAL_ALLOC(t->label, label_of(t));
done:
    fal_place_free(&place);
    return st;
}

fal_status fal_extract_targets_open(const fal_extract_options *options, fal_encoder_pool *pool,
                                    fal_extract_target **out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = options->encoder_count;
    fal_extract_target *targets = NULL;
    FAL_ALLOC(targets, fal_calloc(count, sizeof *targets));
    for (size_t i = 0; i < count; i++) {
        targets[i].options = options;
        targets[i].wanted = &options->encoders[i];
        FAL_TRY(open_target(&targets[i], pool, err));
    }
    if (count)
        FAL_TRY(name_folders(targets, count, err));
    *out = targets;
    targets = NULL;
done:
    fal_extract_targets_free(&targets, count);
    return st;
}

void fal_extract_targets_free(fal_extract_target **targets, size_t count)
{
    for (size_t i = 0; *targets && i < count; i++) {
        fal_free((*targets)[i].label);
        fal_free((*targets)[i].folder);
    }
    fal_release(targets);
}

static fal_status use_crops(fal_extract_target *t, const char *root, fal_error *err)
{
    for (size_t i = 0; i < t->stream_count; i++) {
        const fal_clip_request request = {.encoder = t->encoder, .stream = t->streams[i]};
        const fal_input_kind kind = fal_request_video(&request, t->options->mouth_alignment);
        if (kind == FAL_INPUT_FRAME || kind == FAL_INPUT_FACE)
            return fal_fail(err, FAL_ERR_ARGUMENT, "%s reads %s, crops hold mouths only: extract it from the clips",
                            t->label, kind == FAL_INPUT_FRAME ? "whole frames" : "faces");
    }
    t->crop_alignment = fal_crop_tree_alignment(root);
    return FAL_OK;
}

fal_status fal_extract_targets_use_crops(fal_extract_target *targets, size_t count, const char *root, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < count; i++)
        FAL_TRY(use_crops(&targets[i], root, err));
done:
    return st;
}

/* ---- settings of a folder ---- */

static void put_layers(fal_jw *w, const fal_extract_options *o)
{
    fal_jw_key(w, "layers");
    if (o->all_layers) {
        fal_jw_string(w, "all");
        return;
    }
    fal_jw_array(w);
    for (size_t i = 0; i < o->layer_count; i++)
        fal_jw_int(w, o->layers[i]);
    fal_jw_end_array(w);
}

void fal_extract_put_settings(const fal_extract_target *t, fal_jw *w)
{
    static const char *const alignments[] = {"by family", "avhubert", "auto-avsr"};
    const fal_extract_options *o = t->options;
    fal_jw_object(w);
    fal_jw_put_string(w, "format", "falsetto-features-2");
    fal_jw_put_string(w, "encoder", t->model);
    fal_jw_put_string(w, "family", t->about->family);
    fal_jw_put_string(w, "feature", t->about->feature);
    /* Files are often called alike: shape and contents tell them apart. */
    fal_jw_put_int(w, "parameters", (int64_t)t->about->parameters);
    fal_jw_put_int(w, "dim", t->about->dim);
    fal_jw_put_string(w, "fingerprint", t->fingerprint[0] ? t->fingerprint : NULL);
    fal_jw_put_string(w, "arithmetic", t->about->arithmetic);
    fal_jw_key(w, "streams"), fal_jw_array(w);
    for (size_t i = 0; i < t->stream_count; i++)
        fal_jw_string(w, fal_stream_name(t->streams[i]));
    fal_jw_end_array(w);
    put_layers(w, o);
    fal_jw_put_string(w, "stored", o->half_precision ? "float16" : "float32");
    fal_jw_put_bool(w, "exact_preprocessing", o->exact_preprocessing);
    fal_jw_put_bool(w, "trim_silence", o->trim_silence);
    if (t->crop_alignment)
        fal_jw_put_bool(w, "from_crops", true);
    fal_jw_put_string(w, "mouth_alignment", t->crop_alignment ? t->crop_alignment : alignments[o->mouth_alignment]);
    fal_jw_end_object(w);
}

fal_status fal_extract_targets_claim(const fal_extract_target *targets, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    if (count > 1) {
        fal_buf_puts(&text, "{\n  \"format\": \"falsetto-feature-folders-1\"\n}\n");
        FAL_TRY(fal_folder_claim(targets[0].options->out, RECORD, &text, err));
    }
    for (size_t i = 0; i < count; i++) {
        fal_buf_clear(&text);
        fal_jw w = fal_jw_start(&text, false);
        fal_extract_put_settings(&targets[i], &w);
        fal_buf_puts(&text, "\n");
        FAL_TRY(fal_folder_claim(targets[i].folder, RECORD, &text, err));
    }
done:
    fal_buf_free(&text);
    return st;
}
