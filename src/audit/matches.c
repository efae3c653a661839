#include "audit/matches.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

/* ---- noting pairs ---- */

static fal_match_place place_of(const fal_audit_pair *pair)
{
    if (pair->first_list != pair->second_list)
        return FAL_MATCH_BETWEEN_LISTS;
    return pair->labels_differ ? FAL_MATCH_OTHER_LABEL : FAL_MATCH_SAME_LABEL;
}

static fal_status keep(fal_matches *m, const fal_audit_pair *pair, fal_error *err)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 64;
        fal_audit_pair *pairs = fal_realloc(m->pairs, m->count * sizeof *pairs, capacity * sizeof *pairs);
        if (!pairs)
            return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", __func__);
        m->pairs = pairs;
        m->capacity = capacity;
    }
    m->pairs[m->count++] = *pair;
    return FAL_OK;
}

static fal_status note(fal_matches *m, fal_audit_match match, const fal_audit_entry *a, const fal_audit_entry *b,
                       fal_error *err)
{
    const fal_audit_pair pair = {.match = match,
                                 .first_list = a->list,
                                 .second_list = b->list,
                                 .first = a->path,
                                 .second = b->path,
                                 .labels_differ = a->label >= 0 && b->label >= 0 && a->label != b->label};
    fal_match_place place = place_of(&pair);
    m->total++;
    if (!m->counts[match][place]++)
        m->examples[match][place] = pair;
    return m->count < FAL_AUDIT_MAX_PAIRS ? keep(m, &pair, err) : FAL_OK;
}

/* ---- the same bytes, the same content ---- */

typedef struct ordering {
    const fal_collection *c;
    bool content;
} ordering;

static const char *digest_of(const ordering *o, size_t entry)
{
    const fal_clip_print *print = &o->c->files[o->c->entries[entry].file].facts.print;
    return o->content ? print->content : print->file;
}

static int by_digest(const void *a, const void *b, void *user)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(digest_of(user, x), digest_of(user, y));
    return order ? order : (x > y) - (x < y); /* rows are in the order of the lists */
}

/* Neighbours with equal digests; equal content is only told where the bytes differ. */
static fal_status find_equal(const ordering *o, size_t *rows, size_t count, fal_matches *m, fal_error *err)
{
    fal_status st = FAL_OK;
    const ordering bytes = {o->c, false};
    qsort_r(rows, count, sizeof *rows, by_digest, (void *)o);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(digest_of(o, rows[i - 1]), digest_of(o, rows[i])))
            continue;
        if (o->content && !strcmp(digest_of(&bytes, rows[i - 1]), digest_of(&bytes, rows[i])))
            continue;
        FAL_TRY(note(m, o->content ? FAL_AUDIT_SAME_CONTENT : FAL_AUDIT_SAME_FILE, &o->c->entries[rows[i - 1]],
                     &o->c->entries[rows[i]], err));
    }
done:
    return st;
}

/* ---- nearly the same ---- */

/* FAL_AUDIT_MATCHES when they do not match. */
static fal_audit_match compare(const fal_clip_print *a, const fal_clip_print *b)
{
    bool pictures = fal_print_pictures_match(a, b), sounds = fal_print_sounds_match(a, b);
    bool both_have_pictures = a->picture_count && b->picture_count, both_have_sound = a->sound_bits && b->sound_bits;
    if (!pictures && !sounds)
        return FAL_AUDIT_MATCHES;
    if ((pictures || !both_have_pictures) && (sounds || !both_have_sound))
        return FAL_AUDIT_NEAR;
    return pictures ? FAL_AUDIT_SAME_PICTURES : FAL_AUDIT_SAME_SOUND;
}

static fal_status find_near(const fal_collection *c, const size_t *rows, size_t count, fal_matches *m,
                            const volatile sig_atomic_t *cancel, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < count; i++) {
        const fal_audit_entry *a = &c->entries[rows[i]];
        const fal_clip_print *print = &c->files[a->file].facts.print;
        if (cancel && *cancel)
            FAL_FAIL(FAL_ERR_CANCELLED, "stopped while clips were compared");
        for (size_t k = i + 1; k < count; k++) {
            const fal_audit_entry *b = &c->entries[rows[k]];
            const fal_clip_print *other = &c->files[b->file].facts.print;
            fal_audit_match match = compare(print, other);
            if (match != FAL_AUDIT_MATCHES && strcmp(print->content, other->content))
                FAL_TRY(note(m, match, a, b, err));
        }
    }
done:
    return st;
}

fal_status fal_matches_find(const fal_collection *c, const volatile sig_atomic_t *cancel, fal_matches *out,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_matches m = {0};
    size_t *rows = NULL, count = 0;
    FAL_ALLOC(rows, fal_malloc_array(c->entry_count, sizeof *rows));
    for (size_t i = 0; i < c->entry_count; i++)
        if (c->files[c->entries[i].file].measured)
            rows[count++] = i;
    FAL_TRY(find_equal(&(ordering){c, false}, rows, count, &m, err));
    FAL_TRY(find_equal(&(ordering){c, true}, rows, count, &m, err));
    FAL_TRY(find_near(c, rows, count, &m, cancel, err));
    *out = m;
    m.pairs = NULL;
done:
    fal_free(rows);
    fal_matches_free(&m);
    return st;
}

void fal_matches_free(fal_matches *matches)
{
    fal_release(&matches->pairs);
}
