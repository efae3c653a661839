/* Time segments with a confidence, on disk. */
#include "eval/proposals.h"

#include "core/file.h"
#include "eval/json_members.h"

#include <math.h>

void fal_proposal_store_free(fal_proposal_store *s)
{
    if (!s)
        return;
    fal_arena_free(&s->arena);
    fal_free(s->clips);
    fal_free(s);
}

fal_status fal_proposal_store_make(fal_proposal_store **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_proposal_store *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_ALLOC(s->arena, fal_arena_create());
    *out = s, s = NULL;
done:
    fal_proposal_store_free(s);
    return st;
}

fal_status fal_proposal_store_add(fal_proposal_store *s, const char *file, size_t count, fal_proposal **items,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    fal_proposal *room = NULL;
    char *name = NULL;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 64, bytes;
        fal_proposal_set *grown = NULL;
        if (!fal_mul_ok(capacity, sizeof *grown, &bytes))
            FAL_FAIL(FAL_ERR_MEMORY, "%zu clips are too many", s->count);
        FAL_ALLOC(grown, fal_realloc(s->clips, s->capacity * sizeof *grown, bytes));
        s->clips = grown;
        s->capacity = capacity;
    }
    FAL_ALLOC(room, fal_arena_alloc(s->arena, count, sizeof *room));
    FAL_ALLOC(name, fal_arena_strdup(s->arena, file));
    s->clips[s->count++] = (fal_proposal_set){name, room, count};
    *items = room;
done:
    return st;
}

fal_proposals fal_proposal_store_give(fal_proposal_store **s)
{
    fal_proposals made = {.count = (*s)->count, .clips = (*s)->clips, .storage = *s};
    *s = NULL;
    return made;
}

static fal_status take_entry(fal_proposal_store *s, const char *origin, const char *file, const fal_json *list,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_proposal *items = NULL;
    size_t count = fal_json_count(list);
    if (fal_json_kind(list) != FAL_JSON_ARRAY)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: the proposals of %s are no list", origin, file);
    FAL_TRY(fal_proposal_store_add(s, file, count, &items, err));
    for (size_t i = 0; i < count; i++) {
        const fal_json *triple = fal_json_at(list, i);
        items[i] =
            (fal_proposal){fal_json_real(fal_json_at(triple, 0), NAN), fal_json_real(fal_json_at(triple, 1), NAN),
                           fal_json_real(fal_json_at(triple, 2), NAN)};
        if (fal_json_count(triple) != 3 || isnan(items[i].confidence) || isnan(items[i].begin) || isnan(items[i].end))
            FAL_FAIL(FAL_ERR_FORMAT, "%s: proposal %zu of %s is not [confidence, begin, end]", origin, i + 1, file);
    }
done:
    return st;
}

fal_status fal_proposals_parse(const char *text, size_t length, const char *origin, fal_proposals *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_proposal_store *s = NULL;
    fal_json_members members;
    fal_json *key = NULL, *value = NULL;
    bool more = true;
    FAL_TRY(fal_proposal_store_make(&s, err));
    FAL_TRY(fal_json_members_begin(text, length, origin, &members, err));
    if (members.close != '}')
        FAL_FAIL(FAL_ERR_FORMAT, "%s: an array; proposals are an object of lists by file", origin);
    while (more) {
        fal_json_free(&key);
        fal_json_free(&value);
        FAL_TRY(fal_json_members_next(&members, &more, &key, &value, err));
        if (more)
            FAL_TRY(take_entry(s, origin, fal_json_string(key, ""), value, err));
    }
    *out = fal_proposal_store_give(&s);
done:
    fal_json_free(&key);
    fal_json_free(&value);
    fal_proposal_store_free(s);
    return st;
}

fal_status fal_proposals_read(const char *path, fal_proposals *out, fal_error *err)
{
    fal_map map = {0};
    fal_status st = fal_map_open(path, &map, err);
    if (st != FAL_OK)
        return st;
    st = fal_proposals_parse(map.data ? (const char *)map.data : "", map.size, path, out, err);
    fal_map_close(&map);
    return st;
}

static void put_proposal(fal_jw *w, const fal_proposal *p)
{
    fal_jw_array(w);
    fal_jw_double(w, p->confidence);
    fal_jw_double(w, p->begin);
    fal_jw_double(w, p->end);
    fal_jw_end_array(w);
}

fal_status fal_proposals_write(const fal_proposals *proposals, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, true);
    fal_jw_object(&w);
    for (size_t i = 0; i < proposals->count; i++) {
        fal_jw_key(&w, proposals->clips[i].file);
        fal_jw_array(&w);
        for (size_t k = 0; k < proposals->clips[i].count; k++)
            put_proposal(&w, &proposals->clips[i].items[k]);
        fal_jw_end_array(&w);
    }
    fal_jw_end_object(&w);
    fal_buf_puts(&text, "\n");
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory while writing JSON", path);
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
done:
    fal_buf_free(&text);
    return st;
}

void fal_proposals_free(fal_proposals *proposals)
{
    if (!proposals)
        return;
    fal_proposal_store_free(proposals->storage);
    *proposals = (fal_proposals){0};
}
