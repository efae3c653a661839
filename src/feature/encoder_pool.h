/* Encoders opened by name, each once, however many members or streams share it. */
#ifndef FAL_FEATURE_ENCODER_POOL_H
#define FAL_FEATURE_ENCODER_POOL_H

#include <falsetto/encoder.h>

typedef struct fal_encoder_pool fal_encoder_pool;

/* `options` but their stream and feature hold for every encoder; nothing of them is kept but the log. */
fal_status fal_encoder_pool_create(const fal_encoder_options *options, fal_encoder_pool **out, fal_error *err);
void fal_encoder_pool_free(fal_encoder_pool **pool);

/* The encoder of this source and feature (NULL: the default one) that has this stream (0: any), opened if it is not
 * there yet. It belongs to the pool. FAL_ERR_ARGUMENT when it has no such stream. */
fal_status fal_encoder_pool_get(fal_encoder_pool *pool, const char *source, fal_stream stream, const char *feature,
                                const fal_encoder **out, fal_error *err);

#endif
