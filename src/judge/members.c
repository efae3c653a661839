#include "judge/members.h"

#include "core/alloc.h"
#include "core/str.h"

#define ONLY_FEATURE "features" /* fal_encoder_description.feature of such families */

static fal_status check(const fal_head_description *head, const fal_encoder_description *enc, fal_error *err)
{
    if (head->dim != enc->dim)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "%s takes features of %lld channels, but %s (%s) gives %lld: "
                        "the head belongs to another encoder",
                        head->origin, (long long)head->dim, enc->origin, enc->family, (long long)enc->dim);
    return FAL_OK;
}

static fal_stream stream_of(const fal_judge_member *wanted, const fal_head_description *head)
{
    return wanted->stream ? wanted->stream : head->stream_known ? head->stream : 0;
}

/* Families with one feature have no name for it to ask by. */
static const char *feature_of(const fal_judge_member *wanted, const fal_head_description *head)
{
    bool named = head->feature && !fal_str_eq(head->feature, ONLY_FEATURE);
    return wanted->feature ? wanted->feature : named ? head->feature : NULL;
}

static size_t request_for(fal_members *members, const fal_encoder *encoder, fal_stream stream)
{
    size_t i = 0;
    while (i < members->request_count &&
           (members->requests[i].encoder != encoder || members->requests[i].stream != stream))
        i++;
    if (i == members->request_count)
        members->requests[members->request_count++] = (fal_clip_request){.encoder = encoder, .stream = stream};
    return i;
}

static fal_status open_member(const fal_judge_options *options, const fal_judge_member *wanted, fal_members *members,
                              fal_member *m, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_encoder *encoder;
    if (!wanted->encoder || !wanted->head)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a member of the judge has no %s", wanted->encoder ? "head" : "encoder");
    FAL_ALLOC(m->name, fal_strdup(wanted->encoder));
    FAL_TRY(fal_head_open(wanted->head, options->log, &m->head, err));
    const fal_head_description *head = fal_head_describe(m->head);
    fal_stream stream = stream_of(wanted, head);
    FAL_TRY(fal_encoder_pool_get(members->pool, wanted->encoder, stream, feature_of(wanted, head), &encoder, err));
    const fal_encoder_description *enc = fal_encoder_describe(encoder);
    FAL_TRY(check(head, enc, err));
    m->request = request_for(members, encoder, stream ? stream : enc->default_stream);
done:
    return st;
}

fal_status fal_members_open(const fal_judge_options *options, fal_members *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_members members = {0};
    fal_encoder_options how = {.numbers = options->numbers, .threads = options->threads, .log = options->log};
    if (!options->member_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no encoder with a head was given");
    FAL_TRY(fal_encoder_pool_create(&how, &members.pool, err));
    FAL_ALLOC(members.items, fal_calloc(options->member_count, sizeof *members.items));
    FAL_ALLOC(members.requests, fal_calloc(options->member_count, sizeof *members.requests));
    while (members.count < options->member_count) {
        size_t i = members.count++; /* one that is half open is freed with the rest */
        FAL_TRY(open_member(options, &options->members[i], &members, &members.items[i], err));
    }
    *out = members;
    members = (fal_members){0};
done:
    fal_members_free(&members);
    return st;
}

void fal_members_free(fal_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        fal_head_free(&members->items[i].head);
        fal_free(members->items[i].name);
    }
    fal_free(members->items);
    fal_free(members->requests);
    fal_encoder_pool_free(&members->pool);
    *members = (fal_members){0};
}

const fal_clip_request *fal_member_request(const fal_members *members, size_t index)
{
    return &members->requests[members->items[index].request];
}

const fal_encoder_description *fal_member_encoder(const fal_members *members, size_t index)
{
    return fal_encoder_describe(fal_member_request(members, index)->encoder);
}
