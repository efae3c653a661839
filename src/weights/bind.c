#include "weights/bind.h"

#include "core/alloc.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/str.h"
#include "weights/init.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* MAX_COUNTED: released models have at most 48 layers; a layer's views alone take some kilobytes. */
enum { LETTERS = 26, MAX_NAME = 1024, REPORT_NAMES = 12, REPORT_BYTES = 280, MAX_COUNTED = 512 };

/* One kind of mistake: the first names, and how many there are. */
typedef struct complaint {
    fal_buf names;
    size_t count, shown;
} complaint;

struct fal_bind {
    const fal_checkpoint *ckpt; /* NULL: random */
    char *prefix;
    bool *used; /* by place in the checkpoint */
    uint64_t seed;
    fal_init_fn *draw;
    int threads;
    fal_arena *names;
    int64_t dims[LETTERS]; /* 0: not fixed yet */
    fal_named_tensor *bound;
    fal_draw *draws; /* random: one per bound tensor, same order */
    size_t bound_count, bound_capacity;
    complaint missing, misshapen, unknown;
    bool no_memory;
};

/* One axis of a declared shape: any size, or factor times the letter's dimension ('\0': the factor alone). */
typedef struct axis {
    bool any;
    int64_t factor;
    char letter;
} axis;

/* ---- opening and freeing ---- */

static fal_status create(fal_bind **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_bind *bind = NULL;
    FAL_ALLOC(bind, fal_calloc(1, sizeof *bind));
    FAL_ALLOC(bind->names, fal_arena_create());
    *out = bind;
    bind = NULL;
done:
    fal_bind_free(&bind);
    return st;
}

fal_status fal_bind_open(const fal_checkpoint *ckpt, const char *prefix, fal_bind **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_bind *bind = NULL;
    FAL_TRY(create(&bind, err));
    bind->ckpt = ckpt;
    FAL_ALLOC(bind->prefix, fal_strdup(prefix));
    FAL_ALLOC(bind->used, fal_calloc(fal_checkpoint_count(ckpt), sizeof *bind->used));
    *out = bind;
    bind = NULL;
done:
    fal_bind_free(&bind);
    return st;
}

fal_status fal_bind_random(uint64_t seed, fal_init_fn *draw, int threads, fal_bind **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_bind *bind = NULL;
    FAL_TRY(create(&bind, err));
    FAL_ALLOC(bind->prefix, fal_strdup(""));
    bind->seed = seed;
    bind->draw = draw;
    bind->threads = threads;
    *out = bind;
    bind = NULL;
done:
    fal_bind_free(&bind);
    return st;
}

void fal_bind_free(fal_bind **bind)
{
    fal_bind *b = *bind;
    if (!b)
        return;
    for (size_t i = 0; b->draws && i < b->bound_count; i++)
        fal_free(b->draws[i].out);
    fal_free(b->draws);
    fal_free(b->bound);
    fal_free(b->prefix);
    fal_free(b->used);
    fal_arena_free(&b->names);
    fal_buf_free(&b->missing.names);
    fal_buf_free(&b->misshapen.names);
    fal_buf_free(&b->unknown.names);
    fal_release(bind);
}

bool fal_bind_is_random(const fal_bind *bind)
{
    return !bind->ckpt;
}

/* ---- complaints ---- */

static void complain(complaint *c, const char *text)
{
    c->count++;
    if (c->shown == REPORT_NAMES || (c->shown && c->names.length + strlen(text) > REPORT_BYTES))
        return;
    fal_buf_printf(&c->names, "%s%.200s", c->shown ? ", " : "", text);
    c->shown++;
}

static void report_kind(fal_buf *out, const complaint *c, const char *what)
{
    const char *unit = out->length ? "" : c->count == 1 ? " tensor" : " tensors";
    if (c->count == 0)
        return;
    fal_buf_printf(out, "%s%zu%s %s: %s", out->length ? "; " : "", c->count, unit, what,
                   c->names.data ? c->names.data : "");
    if (c->count > c->shown)
        fal_buf_printf(out, " and %zu more", c->count - c->shown);
}

/* ---- names ---- */

/* Walks spellings separated by '|'. Returns false at the end; *cursor starts at the first spelling. */
static bool next_spelling(const char **cursor, const char **start, int *length)
{
    if (!*cursor)
        return false;
    const char *bar = strchr(*cursor, '|');
    *start = *cursor;
    *length = bar ? (int)(bar - *cursor) : (int)strlen(*cursor);
    *cursor = bar ? bar + 1 : NULL;
    return true;
}

static const fal_named_tensor *find_bound(const fal_bind *bind, const char *name)
{
    for (size_t i = 0; i < bind->bound_count; i++)
        if (strcmp(bind->bound[i].name, name) == 0)
            return &bind->bound[i];
    return NULL;
}

/* The tensor of any spelling of group and name, the first that exists. */
static const fal_named_tensor *find(const fal_bind *bind, const char *group, const char *name)
{
    char full[MAX_NAME];
    const char *groups = group, *g, *n;
    int g_length, n_length;
    while (next_spelling(&groups, &g, &g_length)) {
        const char *names = name;
        while (next_spelling(&names, &n, &n_length)) {
            snprintf(full, sizeof full, "%s%.*s%.*s", bind->prefix, g_length, g, n_length, n);
            const fal_named_tensor *t = bind->ckpt ? fal_checkpoint_find(bind->ckpt, full) : find_bound(bind, full);
            if (t)
                return t;
        }
    }
    return NULL;
}

static const char *canonical(fal_bind *bind, const char *group, const char *name)
{
    const char *g, *n;
    int g_length, n_length;
    next_spelling(&group, &g, &g_length);
    next_spelling(&name, &n, &n_length);
    char *full = fal_arena_alloc(bind->names, (size_t)(g_length + n_length) + 1, 1);
    if (full)
        sprintf(full, "%.*s%.*s", g_length, g, n_length, n);
    return full;
}

const fal_tensor *fal_bind_peek(const fal_bind *bind, const char *name)
{
    const fal_named_tensor *found = find(bind, "", name);
    return found ? &found->tensor : NULL;
}

int64_t fal_bind_count(const fal_bind *bind, const char *pattern)
{
    char start[MAX_NAME];
    const char *number = strstr(pattern, "%d");
    int64_t count = 0;
    assert(number);
    for (; bind->ckpt && count < MAX_COUNTED; count++) {
        snprintf(start, sizeof start, "%s%.*s%lld%s", bind->prefix, (int)(number - pattern), pattern,
                 (long long)count, number + 2);
        size_t at = fal_checkpoint_lower_bound(bind->ckpt, start);
        const fal_named_tensor *t = fal_checkpoint_sorted_at(bind->ckpt, at);
        if (!t || !fal_str_starts(t->name, start))
            break;
    }
    return count;
}

/* ---- shapes ---- */

void fal_bind_dim(fal_bind *bind, char letter, int64_t value)
{
    assert(letter >= 'A' && letter <= 'Z');
    bind->dims[letter - 'A'] = value;
}

int64_t fal_bind_get_dim(const fal_bind *bind, char letter)
{
    assert(letter >= 'A' && letter <= 'Z');
    return bind->dims[letter - 'A'];
}

static int parse_shape(const char *text, axis axes[FAL_MAX_RANK])
{
    int rank = 0;
    for (;;) {
        text += strspn(text, " ");
        if (*text == '\0')
            return rank;
        assert(rank < FAL_MAX_RANK);
        axis *a = &axes[rank++];
        *a = (axis){.any = *text == '_', .factor = 1};
        if (a->any) {
            text++;
            continue;
        }
        if (*text >= '0' && *text <= '9')
            for (a->factor = 0; *text >= '0' && *text <= '9'; text++)
                a->factor = 10 * a->factor + (*text - '0');
        if (*text >= 'A' && *text <= 'Z')
            a->letter = *text++;
        assert(*text == ' ' || *text == '\0');
    }
}

/* The axis's size, or 0 when its letter is not fixed (or the product leaves 64 bits: no tensor has that size). */
static int64_t axis_size(const int64_t dims[LETTERS], const axis *a)
{
    int64_t size = 0;
    if (a->any || !a->letter)
        return a->any ? 0 : a->factor;
    return __builtin_mul_overflow(a->factor, dims[a->letter - 'A'], &size) ? 0 : size;
}

/* No weight is empty: an axis of 0 would leave its letter open, and later tensors could give it another size. */
static bool fits(int64_t dims[LETTERS], const axis *axes, int rank, const fal_tensor *t)
{
    if (t->rank != rank)
        return false;
    for (int i = 0; i < rank; i++) {
        const axis *a = &axes[i];
        if (t->shape[i] < 1)
            return false;
        if (a->letter && dims[a->letter - 'A'] == 0 && t->shape[i] % a->factor == 0)
            dims[a->letter - 'A'] = t->shape[i] / a->factor;
        if (!a->any && t->shape[i] != axis_size(dims, a))
            return false;
    }
    return true;
}

static void expected_text(char *out, size_t bytes, const int64_t dims[LETTERS], const axis *axes, int rank)
{
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int i = 0; i < rank && used < bytes; i++) {
        int64_t size = axis_size(dims, &axes[i]);
        const char *comma = i ? "," : "";
        if (axes[i].any)
            used += (size_t)snprintf(out + used, bytes - used, "%s_", comma);
        else if (size == 0 && axes[i].letter && axes[i].factor == 1)
            used += (size_t)snprintf(out + used, bytes - used, "%s%c", comma, axes[i].letter);
        else if (size == 0 && axes[i].letter)
            used += (size_t)snprintf(out + used, bytes - used, "%s%lld%c", comma, (long long)axes[i].factor,
                                     axes[i].letter);
        else
            used += (size_t)snprintf(out + used, bytes - used, "%s%lld", comma, (long long)size);
    }
    if (used < bytes)
        snprintf(out + used, bytes - used, "]");
}

static void complain_shape(fal_bind *bind, const char *name, const fal_tensor *t, const axis *axes, int rank)
{
    char text[512], got[96], want[128];
    expected_text(want, sizeof want, bind->dims, axes, rank);
    if (t)
        snprintf(text, sizeof text, "%.200s is %s, expected %s", name, fal_tensor_shape_text(got, t), want);
    else
        snprintf(text, sizeof text, "%.200s %s is not fully known", name, want);
    complain(&bind->misshapen, text);
}

/* ---- binding ---- */

static bool reserve_bound(fal_bind *bind)
{
    size_t old = bind->bound_capacity, grown = old ? 2 * old : 64;
    if (bind->bound_count < old)
        return true;
    fal_named_tensor *bound = fal_realloc(bind->bound, old * sizeof *bound, grown * sizeof *bound);
    if (!bound)
        return false;
    bind->bound = bound;
    fal_draw *draws = bind->ckpt ? NULL : fal_realloc(bind->draws, old * sizeof *draws, grown * sizeof *draws);
    if (!bind->ckpt && !draws)
        return false;
    bind->draws = draws;
    bind->bound_capacity = grown;
    return true;
}

static void bind_from_file(fal_bind *bind, const char *group, const fal_weight_row *row, fal_tensor *target)
{
    bool optional = row->name[0] == '?';
    const char *names = row->name + optional;
    const fal_named_tensor *found = find(bind, group, names);
    const char *name = canonical(bind, group, names);
    int64_t dims[LETTERS];
    axis axes[FAL_MAX_RANK];
    if (!name || !reserve_bound(bind)) {
        bind->no_memory = true;
        return;
    }
    if (!found) {
        char full[MAX_NAME];
        snprintf(full, sizeof full, "%s%s", bind->prefix, name);
        if (!optional)
            complain(&bind->missing, full);
        return;
    }
    bind->used[found - fal_checkpoint_at(bind->ckpt, 0)] = true;
    int rank = parse_shape(row->shape, axes);
    memcpy(dims, bind->dims, sizeof dims);
    if (!fits(dims, axes, rank, &found->tensor)) {
        complain_shape(bind, found->name, &found->tensor, axes, rank);
        return;
    }
    memcpy(bind->dims, dims, sizeof dims);
    *target = found->tensor;
    bind->bound[bind->bound_count++] = (fal_named_tensor){name, found->tensor};
}

/* Product of a shape expression; 0 when a letter of it is not fixed. */
static double fan_in(const fal_bind *bind, const char *shape)
{
    axis axes[FAL_MAX_RANK];
    double fan = 1;
    int rank = parse_shape(shape, axes);
    for (int i = 0; i < rank; i++)
        fan *= (double)axis_size(bind->dims, &axes[i]);
    return fan;
}

static void bind_from_seed(fal_bind *bind, const char *group, const fal_weight_row *row, fal_tensor *target)
{
    bool optional = row->name[0] == '?';
    axis axes[FAL_MAX_RANK];
    int64_t shape[FAL_MAX_RANK], count = 1;
    bool known = true;
    if (optional && row->init.kind == FAL_INIT_KIND_NONE)
        return;
    const char *name = canonical(bind, group, row->name + optional);
    int rank = parse_shape(row->shape, axes);
    for (int i = 0; i < rank; i++) {
        shape[i] = axis_size(bind->dims, &axes[i]);
        known = known && shape[i] > 0 && !__builtin_mul_overflow(count, shape[i], &count);
    }
    if (name && !known) {
        complain_shape(bind, name, NULL, axes, rank);
        return;
    }
    float *out = name && reserve_bound(bind) ? fal_malloc_array((size_t)count, sizeof *out) : NULL;
    if (!out) {
        bind->no_memory = true;
        return;
    }
    *target = fal_tensor_f32(out, rank, shape);
    double fan = row->init.fan ? fan_in(bind, row->init.fan) : 0;
    bind->draws[bind->bound_count] =
        (fal_draw){.name = name, .shape = *target, .init = row->init, .fan_in = fan, .out = out};
    bind->bound[bind->bound_count++] = (fal_named_tensor){name, *target};
}

void fal_bind_rows(fal_bind *bind, const char *group, const fal_weight_row *rows, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++) {
        fal_tensor *field = (fal_tensor *)((char *)target + rows[i].offset);
        *field = (fal_tensor){0};
        if (bind->ckpt)
            bind_from_file(bind, group, &rows[i], field);
        else
            bind_from_seed(bind, group, &rows[i], field);
    }
}

/* ---- finishing ---- */

static void find_unclaimed(fal_bind *bind, const char *const *ignored)
{
    size_t skip = strlen(bind->prefix), at = fal_checkpoint_lower_bound(bind->ckpt, bind->prefix);
    const fal_named_tensor *first = fal_checkpoint_at(bind->ckpt, 0), *t;
    for (; (t = fal_checkpoint_sorted_at(bind->ckpt, at)) && fal_str_starts(t->name, bind->prefix); at++) {
        const char *const *glob = ignored;
        while (glob && *glob && !fal_str_glob(*glob, t->name + skip))
            glob++;
        if (!bind->used[t - first] && !(glob && *glob))
            complain(&bind->unknown, t->name);
    }
}

static fal_status report(const fal_bind *bind, fal_error *err)
{
    static const char hint[] =
        "; part of a model, or one of another kind: `falsetto models info` shows what is there";
    fal_status st = FAL_OK;
    fal_buf text = {0};
    const char *origin = bind->ckpt ? fal_path_base(fal_checkpoint_path(bind->ckpt)) : "random weights";
    report_kind(&text, &bind->missing, "missing");
    report_kind(&text, &bind->misshapen, "with the wrong shape");
    report_kind(&text, &bind->unknown, "not recognised");
    if (text.failed || bind->missing.names.failed || bind->misshapen.names.failed || bind->unknown.names.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", origin);
    if (text.length)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s%s", origin, text.data, bind->missing.count ? hint : "");
done:
    fal_buf_free(&text);
    return st;
}

/* First what is drawn by rule, all at once; then what the family draws, which may look at the rest. */
static fal_status draw_values(fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t ruled = 0;
    fal_draw *by_rule;
    FAL_ALLOC(by_rule, fal_malloc_array(bind->bound_count, sizeof *by_rule));
    for (size_t i = 0; i < bind->bound_count; i++)
        if (bind->draws[i].init.kind != FAL_INIT_KIND_FAMILY)
            by_rule[ruled++] = bind->draws[i];
    FAL_TRY(fal_draw_all(by_rule, ruled, bind->seed, bind->threads, err));
    for (size_t i = 0; i < bind->bound_count; i++) {
        const fal_draw *d = &bind->draws[i];
        if (d->init.kind != FAL_INIT_KIND_FAMILY)
            continue;
        assert(bind->draw);
        bind->draw(bind, d->name, &d->shape, bind->seed, d->out);
    }
done:
    fal_free(by_rule);
    return st;
}

fal_status fal_bind_finish(fal_bind *bind, const char *const *ignored, fal_error *err)
{
    fal_status st = FAL_OK;
    if (bind->no_memory)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory while binding weights",
                 bind->ckpt ? fal_checkpoint_path(bind->ckpt) : "random weights");
    if (bind->ckpt)
        find_unclaimed(bind, ignored);
    FAL_TRY(report(bind, err));
    if (!bind->ckpt)
        FAL_TRY(draw_values(bind, err));
done:
    return st;
}

bool fal_bind_is_used(const fal_bind *bind, size_t index)
{
    return bind->ckpt && index < fal_checkpoint_count(bind->ckpt) && bind->used[index];
}

size_t fal_bind_bound_count(const fal_bind *bind)
{
    return bind->bound_count;
}

const fal_named_tensor *fal_bind_bound_at(const fal_bind *bind, size_t index)
{
    return index < bind->bound_count ? &bind->bound[index] : NULL;
}
