#include "judge/members.h"

#include "core/alloc.h"
#include "core/str.h"

#include <string.h>

#define ONLY_FEATURE "features" /* fal_encoder_description.feature of families that have one */

/* ---- choices ---- */

/* Families with one feature have no name for it to ask by. */
static const char *feature_of(const fal_judge_member *wanted, const fal_head_description *head)
{
    bool named = head->feature && !fal_str_eq(head->feature, ONLY_FEATURE);
    return wanted->feature ? wanted->feature : named ? head->feature : NULL;
}

/* The stream that is looked at; 0: the encoder's default, or what each of several parts says. The recorded stream of a
 * head whose array has a name of its own says nothing. */
static fal_stream stream_of(const fal_judge_member *wanted, const fal_head_description *head)
{
    fal_part_name name = {.layer = FAL_PART_FEATURES};
    if (wanted->stream)
        return wanted->stream;
    if (head->part_count == 1 && head->parts[0].array)
        return fal_part_name_parse(head->parts[0].array, &name) ? name.stream : 0;
    return head->part_count <= 1 && head->stream_known ? head->stream : 0;
}

static fal_status check_dim(const fal_head_description *head, const fal_encoder_description *enc, fal_error *err)
{
    if (head->dim != enc->dim)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "%s takes features of %lld channels, but %s (%s) gives %lld: "
                        "the head belongs to another encoder",
                        head->origin, (long long)head->dim, enc->origin, enc->family, (long long)enc->dim);
    return FAL_OK;
}

/* ---- requests ---- */

static bool asks_layer(const fal_clip_request *request, int layer)
{
    for (size_t i = 0; i < request->layer_count; i++)
        if (request->layers[i] == layer)
            return true;
    return layer == FAL_PART_FEATURES;
}

static fal_status ask_layer(fal_clip_request *request, int layer, fal_error *err)
{
    fal_status st = FAL_OK;
    int *layers = NULL;
    if (asks_layer(request, layer))
        return FAL_OK;
    FAL_ALLOC(layers, fal_malloc_array(request->layer_count + 1, sizeof *layers));
    if (request->layer_count)
        memcpy(layers, request->layers, request->layer_count * sizeof *layers);
    layers[request->layer_count++] = layer;
    fal_free((void *)request->layers);
    request->layers = layers;
done:
    return st;
}

/* The request of this encoder and stream, made if there is none. */
static fal_status find_request(fal_members *members, const fal_clip_request *wanted, size_t *index, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip_request *grown = NULL;
    size_t count = members->request_count;
    for (*index = 0; *index < count; ++*index) {
        const fal_clip_request *r = &members->requests[*index];
        if (r->encoder == wanted->encoder && r->stream == wanted->stream && r->pair == wanted->pair)
            return FAL_OK;
    }
    FAL_ALLOC(grown, fal_realloc(members->requests, count * sizeof *grown, (count + 1) * sizeof *grown));
    grown[count] = *wanted;
    members->requests = grown;
    members->request_count++;
done:
    return st;
}

/* ---- parts ---- */

static fal_status resolve_part(fal_members *members, fal_member *m, size_t index, fal_stream unnamed, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_head_description *head = fal_head_describe(m->head);
    const fal_encoder_description *enc = fal_encoder_describe(m->encoder);
    const char *array = index < head->part_count ? head->parts[index].array : NULL;
    fal_member_part *part = &m->parts[index];
    fal_part_name name;
    if (!fal_part_name_parse(array, &name))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s reads an array '%s', which no encoder gives", head->origin, array);
    fal_stream stream = name.stream && m->part_count > 1 ? name.stream : unnamed;
    if (!(enc->streams & 1 << stream))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s has no %s stream, which %s reads", enc->origin, fal_stream_name(stream),
                 head->origin);
    if (name.layer > enc->layers)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s reads layer %d, %s has layers 0 to %lld", head->origin, name.layer, enc->origin,
                 (long long)enc->layers);
    fal_clip_request request = {.encoder = m->encoder, .stream = stream, .pair = m->part_count > 1};
    FAL_TRY(find_request(members, &request, &part->request, err));
    FAL_TRY(ask_layer(&members->requests[part->request], name.layer, err));
    part->layer = name.layer;
    m->stream |= stream;
done:
    return st;
}

static fal_status open_member(const fal_judge_options *options, const fal_judge_member *wanted, fal_members *members,
                              fal_member *m, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!wanted->encoder || !wanted->head)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a member of the judge has no %s", wanted->encoder ? "head" : "encoder");
    FAL_ALLOC(m->name, fal_strdup(wanted->encoder));
    FAL_TRY(fal_head_open(wanted->head, options->log, &m->head, err));
    const fal_head_description *head = fal_head_describe(m->head);
    fal_stream stream = stream_of(wanted, head);
    const char *feature = feature_of(wanted, head);
    st = fal_encoder_pool_get(members->pool, wanted->encoder, stream, feature, &m->encoder, err);
    if (st == FAL_ERR_ARGUMENT && feature && !wanted->feature)
        fal_error_prefix(err, "%s was trained on the feature \"%s\"", head->origin, feature);
    FAL_TRY(st);
    stream = stream ? stream : fal_encoder_describe(m->encoder)->default_stream;
    m->part_count = head->part_count ? head->part_count : 1;
    FAL_ALLOC(m->parts, fal_calloc(m->part_count, sizeof *m->parts));
    for (size_t i = 0; i < m->part_count; i++)
        FAL_TRY(resolve_part(members, m, i, stream, err));
    if (m->part_count == 1 && m->parts[0].layer == FAL_PART_FEATURES)
        FAL_TRY(check_dim(head, fal_encoder_describe(m->encoder), err));
done:
    return st;
}

fal_status fal_members_open(const fal_judge_options *options, fal_members **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_members *members = NULL;
    fal_encoder_options how = {.numbers = options->numbers, .threads = options->threads, .log = options->log};
    if (!options->member_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no encoder with a head was given");
    FAL_ALLOC(members, fal_calloc(1, sizeof *members));
    atomic_init(&members->judges, 1);
    FAL_TRY(fal_encoder_pool_create(&how, &members->pool, err));
    FAL_ALLOC(members->items, fal_calloc(options->member_count, sizeof *members->items));
    while (members->count < options->member_count) {
        size_t i = members->count++; /* one that is half open is freed with the rest */
        FAL_TRY(open_member(options, &options->members[i], members, &members->items[i], err));
    }
    *out = members;
    members = NULL;
done:
    fal_members_free(&members);
    return st;
}

fal_members *fal_members_share(fal_members *members)
{
    atomic_fetch_add(&members->judges, 1);
    return members;
}

void fal_members_free(fal_members **pointer)
{
    fal_members *members = *pointer;
    *pointer = NULL;
    if (!members || atomic_fetch_sub(&members->judges, 1) > 1)
        return;
    for (size_t i = 0; i < members->count; i++) {
        fal_head_free(&members->items[i].head);
        fal_free(members->items[i].name);
        fal_free(members->items[i].parts);
    }
    for (size_t i = 0; i < members->request_count; i++)
        fal_free((void *)members->requests[i].layers);
    fal_free(members->items);
    fal_free(members->requests);
    fal_encoder_pool_free(&members->pool);
    fal_free(members);
}
