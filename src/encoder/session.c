#include "encoder/encoder.h"

#include "core/alloc.h"

#include <string.h>

/* A tensor of the run's hook as the public array. */
static void show_stage(void *user, const char *stage, const fal_tensor *value)
{
    const fal_session_options *options = user;
    fal_array array = {.type = FAL_ELEMENT_F32, .rank = value->rank, .data = value->data};
    memcpy(array.shape, value->shape, (size_t)value->rank * sizeof *array.shape);
    options->stage(options->stage_user, stage, &array);
}

fal_status fal_session_create(const fal_session_options *options, fal_session **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_session *session = NULL;
    FAL_ALLOC(session, fal_calloc(1, sizeof *session));
    if (options)
        session->options = *options;
    fal_run_options run = {.threads = session->options.threads,
                           .cancel = session->options.cancel,
                           .stage = session->options.stage ? show_stage : NULL,
                           .stage_user = &session->options};
    FAL_TRY(fal_run_create(&run, &session->run, err));
    *out = session;
    session = NULL;
done:
    fal_session_free(&session);
    return st;
}

void fal_session_free(fal_session **session)
{
    if (!session || !*session)
        return;
    fal_run_free(&(*session)->run);
    fal_release(session);
}
