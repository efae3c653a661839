/* Writing a linear probe with given numbers: the head that tests use. For tests that link the head folder. */
#ifndef FAL_TESTS_SUPPORT_PROBE_FILE_H
#define FAL_TESTS_SUPPORT_PROBE_FILE_H

#include "head/head.h"

#include <string.h>

typedef struct fal_probe {
    int64_t dim;
    const float *weight; /* [dim] */
    float bias;
    bool l2_normalise;
} fal_probe;

/* training: stream, encoder and demonstration are recorded; calibration: NULL for none. */
static inline fal_status fal_probe_save(const char *path, const fal_probe *probe, const fal_head_training *training,
                                        const fal_calibration *calibration, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head *head = NULL;
    fal_head_training how = *training;
    fal_head_shape shape = {.parts = 1, .dims = {probe->dim}, .dim = probe->dim};
    how.no_l2 = !probe->l2_normalise;
    FAL_TRY(fal_head_create(&fal_head_probe, &shape, NULL, &how, &head, err));
    memcpy(head->params.values, probe->weight, (size_t)probe->dim * sizeof(float));
    head->params.values[probe->dim] = probe->bias;
    if (calibration)
        head->about.calibration = *calibration;
    FAL_TRY(fal_head_write(head, NULL, 0, path, err));
done:
    fal_head_free(&head);
    return st;
}

#endif
