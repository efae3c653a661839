/* Parameters of a head beside reference arrays. For tests that link the head folder. */
#ifndef FAL_TESTS_HEAD_STATE_H
#define FAL_TESTS_HEAD_STATE_H

#include "head/head.h"
#include "support/golden.h"

#include <stdio.h>
#include <string.h>

/* One array of a .npz per parameter, by name, into `out` as the parameters are laid out. */
static inline void fal_state_read(const char *path, const fal_params *params, float *out)
{
    for (size_t i = 0; i < params->list_count; i++) {
        const fal_param *p = &params->list[i];
        fal_npy array = fal_golden_npz(path, p->name);
        assert_int_equal(array.count, p->count);
        memcpy(out + p->offset, array.data, p->count * sizeof *out);
        fal_npy_free(&array);
    }
}

/* Parameter by parameter, but the last `left_out` of them. */
static inline void fal_state_check(const char *title, const fal_params *params, const float *got, const float *want,
                                   size_t left_out, double atol)
{
    char name[256];
    for (size_t i = 0; i + left_out < params->list_count; i++) {
        const fal_param *p = &params->list[i];
        snprintf(name, sizeof name, "%s %s", title, p->name);
        fal_check_close(name, got + p->offset, want + p->offset, p->count, atol, 0);
    }
}

#endif
