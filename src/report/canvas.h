/* What the pictures share: a page that becomes a file, colours, text, round numbers for axes. */
#ifndef FAL_REPORT_CANVAS_H
#define FAL_REPORT_CANVAS_H

#include "core/status.h"

#include <stddef.h>

typedef struct _cairo cairo_t; /* as cairo declares it */

typedef struct fal_colour {
    double r, g, b;
} fal_colour;

/* Okabe and Ito's palette, distinct for colour-blind readers; goes round. */
fal_colour fal_palette_colour(size_t index);
void fal_set_colour(cairo_t *cr, fal_colour colour, double alpha);

/* Draws `what` on a white page of this size in points and writes it as .svg, .pdf or .png, as the name says. Atomic. */
typedef void fal_draw_fn(cairo_t *cr, const void *what);
fal_status fal_canvas_write(const char *path, int width, int height, fal_draw_fn *draw, const void *what,
                            fal_error *err);

/* One line of text, its baseline at y; align 0: x is the left end, 0.5: the middle, 1: the right end. Bytes that are
 * not UTF-8 show as '?'. Returns the width. */
double fal_draw_text(cairo_t *cr, double x, double y, double align, double size, const char *text);

double fal_text_width(cairo_t *cr, double size, const char *text);

/* 1, 2 or 5 times a power of ten, so that about `count` steps make up `range`. */
double fal_nice_step(double range, int count);

#endif
