/* Cairo helpers in the colours and shapes the drawing files speak of. */
#ifndef PUP_PAINT_H
#define PUP_PAINT_H

#include "puppet/identity.h"

#include <cairo.h>

void pup_source(cairo_t *cr, pup_rgb c, double alpha);
/* A soft elliptic spot: `alpha` in the middle, nothing at the radii. */
void pup_spot(cairo_t *cr, double x, double y, double rx, double ry, pup_rgb c, double alpha);
void pup_ellipse_path(cairo_t *cr, double x, double y, double rx, double ry);

#endif
