#include "feature/picture_chunk.h"

#include "core/alloc.h"

enum { TARGET = 32, MAX_MULTIPLE = 1024 };

static size_t picture_bytes(const fal_picture_rule *rule)
{
    return (size_t)(rule->side * rule->side * 3);
}

fal_picture_rule fal_picture_rule_of(const fal_encoder_description *encoder, bool exact)
{
    fal_picture_rule rule = encoder->picture;
    if (exact)
        rule.scaling = encoder->exact_scaling;
    return rule;
}

fal_status fal_picture_chunk_create(fal_input_kind kind, const fal_picture_rule *rule, int64_t multiple,
                                    fal_picture_chunk *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_picture_chunk chunk = {.kind = kind, .rule = *rule};
    if (multiple < 1 || multiple > MAX_MULTIPLE)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "pictures are encoded in pieces of 1 to %d frames, this encoder wants %lld",
                 (int)MAX_MULTIPLE, (long long)multiple);
    if (rule->side < 1 || rule->side > FAL_PICTURE_SIDE_MAX)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "pictures of %lld pixels a side, expected 1 to %d", (long long)rule->side,
                 (int)FAL_PICTURE_SIDE_MAX);
    chunk.capacity = (TARGET + multiple - 1) / multiple * multiple;
    FAL_ALLOC(chunk.pixels, fal_malloc_array((size_t)chunk.capacity, picture_bytes(rule)));
    *out = chunk;
done:
    return st;
}

void fal_picture_chunk_free(fal_picture_chunk *chunk)
{
    fal_free(chunk->pixels);
    fal_picture_scaler_free(&chunk->scaler);
    *chunk = (fal_picture_chunk){0};
}

bool fal_picture_chunk_suits(const fal_picture_chunk *chunk, fal_input_kind kind, const fal_picture_rule *rule,
                             int64_t multiple)
{
    return chunk->kind == kind && fal_picture_rule_same(&chunk->rule, rule) && multiple > 0 &&
           chunk->capacity % multiple == 0;
}

fal_status fal_picture_chunk_add(fal_picture_chunk *chunk, const fal_picture *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_picture_scaler_fit(&chunk->scaler, picture->width, picture->height, &chunk->rule, err));
    fal_picture_scaler_run(chunk->scaler, picture->pixels, picture->stride,
                           chunk->pixels + (size_t)chunk->count * picture_bytes(&chunk->rule));
    chunk->count++;
done:
    return st;
}

fal_array fal_picture_chunk_array(const fal_picture_chunk *chunk)
{
    return (fal_array){FAL_ELEMENT_U8, 4, {chunk->count, chunk->rule.side, chunk->rule.side, 3}, chunk->pixels};
}
