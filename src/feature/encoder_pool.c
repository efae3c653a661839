#include "feature/encoder_pool.h"

#include "core/alloc.h"
#include "core/status.h"
#include "core/str.h"

typedef struct entry {
    fal_encoder *encoder;
    char *feature; /* as asked for; NULL: the default */
} entry;

struct fal_encoder_pool {
    fal_encoder_options options;
    entry *entries;
    size_t count;
};

fal_status fal_encoder_pool_create(const fal_encoder_options *options, fal_encoder_pool **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_encoder_pool *pool = NULL;
    FAL_ALLOC(pool, fal_calloc(1, sizeof *pool));
    pool->options = *options;
    *out = pool;
done:
    return st;
}

void fal_encoder_pool_free(fal_encoder_pool **pool)
{
    if (!pool || !*pool)
        return;
    for (size_t i = 0; i < (*pool)->count; i++) {
        fal_encoder_free(&(*pool)->entries[i].encoder);
        fal_free((*pool)->entries[i].feature);
    }
    fal_free((*pool)->entries);
    fal_release(pool);
}

static bool has_stream(const fal_encoder *encoder, fal_stream stream)
{
    return !stream || (stream <= FAL_STREAM_AV && fal_encoder_describe(encoder)->streams & 1 << stream);
}

static bool serves(const entry *e, const char *source, fal_stream stream, const char *feature)
{
    const fal_encoder_description *about = fal_encoder_describe(e->encoder);
    bool same_feature = feature ? fal_str_eq(about->feature, feature) : !e->feature;
    return fal_str_eq(about->origin, source) && same_feature && has_stream(e->encoder, stream);
}

static fal_status add(fal_encoder_pool *pool, const entry *made, fal_error *err)
{
    fal_status st = FAL_OK;
    entry *grown = NULL;
    FAL_ALLOC(grown, fal_realloc(pool->entries, pool->count * sizeof *grown, (pool->count + 1) * sizeof *grown));
    grown[pool->count++] = *made;
    pool->entries = grown;
done:
    return st;
}

fal_status fal_encoder_pool_get(fal_encoder_pool *pool, const char *source, fal_stream stream, const char *feature,
                                const fal_encoder **out, fal_error *err)
{
    fal_status st = FAL_OK;
    entry made = {0};
    for (size_t i = 0; i < pool->count; i++)
        if (serves(&pool->entries[i], source, stream, feature)) {
            *out = pool->entries[i].encoder;
            return FAL_OK;
        }
    fal_encoder_options how = pool->options;
    how.stream = stream;
    how.feature = feature;
    if (feature)
        FAL_ALLOC(made.feature, fal_strdup(feature));
    FAL_TRY(fal_encoder_open(source, &how, &made.encoder, err));
    if (!has_stream(made.encoder, stream))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s has no %s stream", source, fal_stream_name(stream));
    FAL_TRY(add(pool, &made, err));
    *out = made.encoder;
    made = (entry){0};
done:
    fal_encoder_free(&made.encoder);
    fal_free(made.feature);
    return st;
}
