/* The .npz of one clip and encoder. */
#include "core/alloc.h"
#include "core/npy.h"
#include "core/str.h"
#include "feature/extract_target.h"
#include "feature/store.h"

#include <math.h>

/* numpy's name of an array saved without one: the key of encoders with one stream. */
#define PLAIN_KEY "arr_0"

/* AV-HuBERT's arrays have names, as have those of every encoder with sound and picture; the others' have numpy's. */
static const char *key_for(const fal_extract_target *t, fal_stream stream)
{
    bool both = t->about->audio_input != FAL_INPUT_NONE && t->about->video_input != FAL_INPUT_NONE;
    return both ? fal_feature_key(stream) : PLAIN_KEY;
}

/* "hidden_7", beside a named array "audio_hidden_7". The caller's to fal_free. */
static char *hidden_key(const fal_extract_target *t, fal_stream stream, int layer)
{
    const char *key = key_for(t, stream);
    bool plain = fal_str_eq(key, PLAIN_KEY);
    return fal_asprintf("%s%shidden_%d", plain ? "" : key, plain ? "" : "_", layer);
}

void fal_extract_requests(const fal_extract_target *t, fal_clip_request *out)
{
    for (size_t i = 0; i < t->stream_count; i++)
        out[i] = (fal_clip_request){.encoder = t->encoder,
                                    .stream = t->streams[i],
                                    .pair = t->stream_count > 1,
                                    .layers = t->options->layers,
                                    .layer_count = t->options->layer_count,
                                    .all_layers = t->options->all_layers};
}

/* ---- is it there? ---- */

/* *rows: those of the array. */
static bool holds(fal_npz *npz, const char *key, int64_t dim, size_t *rows)
{
    fal_npy array = {0};
    bool there = key && fal_npz_get(npz, key, &array, NULL) == FAL_OK && array.rank == 2 &&
                 (!dim || array.shape[1] == (size_t)dim);
    *rows = there ? array.shape[0] : 0;
    fal_npy_free(&array);
    return there;
}

static bool holds_layer(fal_npz *npz, const fal_extract_target *t, fal_stream stream, int layer, size_t rows)
{
    char *key = hidden_key(t, stream, layer);
    size_t found;
    bool there = holds(npz, key, 0, &found) && found == rows;
    fal_free(key);
    return there;
}

static bool holds_stream(fal_npz *npz, const fal_extract_target *t, fal_stream stream)
{
    const fal_extract_options *o = t->options;
    size_t rows;
    bool there = holds(npz, key_for(t, stream), t->about->dim, &rows);
    for (size_t i = 0; there && i < o->layer_count; i++)
        there = holds_layer(npz, t, stream, o->layers[i], rows);
    for (int k = 0; there && o->all_layers && k <= t->about->layers; k++)
        there = holds_layer(npz, t, stream, k, rows);
    return there;
}

bool fal_extract_is_complete(const fal_extract_target *t, const char *path)
{
    fal_npz *npz = NULL;
    bool complete = fal_path_exists(path) && fal_npz_open(path, &npz, NULL) == FAL_OK;
    for (size_t i = 0; complete && i < t->stream_count; i++)
        complete = holds_stream(npz, t, t->streams[i]);
    fal_npz_free(&npz);
    return complete;
}

/* ---- writing ---- */

typedef struct members {
    fal_npz_member *items;
    char **names; /* of hidden states, owned; NULL for the features' static ones */
    size_t count;
} members;

static void add_member(members *m, const fal_extract_target *t, const char *name, char *owned,
                       const fal_row_block *block)
{
    m->names[m->count] = owned;
    m->items[m->count++] = (fal_npz_member){.name = name,
                                            .type = FAL_NPY_F32,
                                            .store = t->options->half_precision ? FAL_NPY_F16 : FAL_NPY_F32,
                                            .rank = 2,
                                            .shape = {(size_t)block->rows, (size_t)block->dim},
                                            .data = block->data};
}

static fal_status gather(const fal_extract_target *t, const fal_clip_rows *rows, members *m, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t most = 1; /* the offset */
    for (size_t i = 0; i < t->stream_count; i++)
        most += 1 + rows[i].hidden_count;
    FAL_ALLOC(m->items, fal_calloc(most, sizeof *m->items));
    FAL_ALLOC(m->names, fal_calloc(most, sizeof *m->names));
    for (size_t i = 0; i < t->stream_count; i++) {
        add_member(m, t, key_for(t, t->streams[i]), NULL, &rows[i].features);
        for (size_t k = 0; k < rows[i].hidden_count; k++) {
            char *name = NULL;
            FAL_ALLOC(name, hidden_key(t, t->streams[i], rows[i].hidden[k].layer));
            add_member(m, t, name, name, &rows[i].hidden[k].block);
        }
    }
done:
    return st;
}

fal_status fal_extract_write(const fal_extract_target *t, const fal_clip_rows *rows, double start_s, const char *path,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    members m = {0};
    const int64_t offset = llround(start_s * FAL_FRAMES_PER_SECOND);
    FAL_TRY(gather(t, rows, &m, err));
    if (t->options->trim_silence) {
        m.names[m.count] = NULL;
        m.items[m.count++] = (fal_npz_member){
            .name = FAL_OFFSET_KEY, .type = FAL_NPY_I64, .store = FAL_NPY_I64, .rank = 0, .data = &offset};
    }
    FAL_TRY(fal_npz_write(path, m.items, m.count, err));
done:
    for (size_t i = 0; i < m.count; i++)
        fal_free(m.names[i]);
    fal_free(m.names);
    fal_free(m.items);
    return st;
}
