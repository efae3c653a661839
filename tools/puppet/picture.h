/* A picture in memory (cairo draws on it) and the pixel work a camera or a forgery does. */
#ifndef PUP_PICTURE_H
#define PUP_PICTURE_H

#include "core/rng.h"
#include "core/status.h"

#include <cairo.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pup_picture {
    cairo_surface_t *surface;
    cairo_t *cr;
    uint8_t *pixels; /* B G R x; call pup_picture_flush after drawing, before reading */
    size_t stride;
    int width, height;
    uint8_t *spare; /* as large as the pixels, scratch for the functions below */
} pup_picture;

fal_status pup_picture_make(int64_t width, int64_t height, pup_picture *out, fal_error *err);
void pup_picture_free(pup_picture *picture);
void pup_picture_flush(pup_picture *picture);
void pup_picture_copy(pup_picture *to, const pup_picture *from); /* same size */

/* A soft-edged ellipse: weight 1 inside, falling to 0 at the rim over the share `feather` of the radius. */
typedef struct pup_patch {
    double x, y, rx, ry, roll; /* pixels, radians */
    double feather;            /* 0 to 1, above 0 */
} pup_patch;

/* The optics: a 3x3 binomial blur. */
void pup_picture_blur(pup_picture *picture);
/* Inside the patch: box blurs of `radius` pixels, then each colour (b, g, r) times its gain; mixed in by `strength`. */
void pup_picture_soften(pup_picture *picture, const pup_patch *patch, int radius, const double gain[3],
                        double strength);
/* Puts `from` over `to` inside the patch, its colours (b, g, r) times their gains. */
void pup_picture_paste(pup_picture *to, const pup_picture *from, const pup_patch *patch, const double gain[3]);

/* Camera noise: a table of normal numbers, read from another place for each row. */
enum { PUP_NOISE = 1 << 15 };
typedef struct pup_noise {
    int8_t table[PUP_NOISE + 1920];
} pup_noise;
void pup_noise_make(pup_noise *noise, uint64_t seed, double sigma);
/* Inside the patch (may be NULL) only the share `left` of the noise is added. */
void pup_picture_noise(pup_picture *picture, const pup_noise *noise, fal_rng *rng, const pup_patch *patch, double left);

#endif
