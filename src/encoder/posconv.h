/* Convolutional positions of wav2vec 2.0 (Baevski et al. 2020): x + GELU(conv(x)), a grouped 1-D convolution over time
 * with weight norm per tap.
 *
 *   W[o,i,k] = g[k] * v[o,i,k] / ||v[:,:,k]||_2      zero padding K/2 on both sides; an even K gives one row too many,
 *                                                    the last, which is dropped: row t sees rows t-K/2 .. t+K/2-1 */
#ifndef FAL_ENCODER_POSCONV_H
#define FAL_ENCODER_POSCONV_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "weights/bind.h"

typedef struct fal_posconv_weights {
    fal_tensor v;    /* [D, D/groups, K] */
    fal_tensor g;    /* [1, 1, K] */
    fal_tensor bias; /* [D] */
} fal_posconv_weights;

typedef struct fal_posconv fal_posconv;

/* Shape of the convolution as the file holds it (old and new names of weight norm); false when it is not there. `group`
 * as in fal_bind_rows. */
bool fal_posconv_shape(const fal_bind *bind, const char *group, int64_t *taps, int64_t *groups);
/* Drawn as upstream: v normal with std sqrt(4 / (K D)), g so that W = v (needs fal_posconv_draw_gain as the binder's
 * draw function), bias 0. */
void fal_posconv_bind(fal_bind *bind, const char *group, int64_t width, int64_t taps, int64_t groups,
                      fal_posconv_weights *target);
fal_init_fn fal_posconv_draw_gain;

fal_status fal_posconv_create(const fal_posconv_weights *weights, const fal_build *build, fal_posconv **out,
                              fal_error *err);
void fal_posconv_free(fal_posconv **posconv);

/* x [rows, D] += GELU(conv(x)). Stage: "pos_conv", what is added. */
fal_status fal_posconv_run(const fal_posconv *posconv, fal_forward *pass, float *x, int64_t rows, fal_error *err);

#endif
