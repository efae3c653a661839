#include "puppet/paint.h"

#include <math.h>

void pup_source(cairo_t *cr, pup_rgb c, double alpha)
{
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

void pup_ellipse_path(cairo_t *cr, double x, double y, double rx, double ry)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, rx, ry);
    cairo_new_sub_path(cr);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_restore(cr);
}

void pup_spot(cairo_t *cr, double x, double y, double rx, double ry, pup_rgb c, double alpha)
{
    cairo_pattern_t *fade = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
    cairo_pattern_add_color_stop_rgba(fade, 0, c.r, c.g, c.b, alpha);
    cairo_pattern_add_color_stop_rgba(fade, 0.5, c.r, c.g, c.b, alpha * 0.55);
    cairo_pattern_add_color_stop_rgba(fade, 1, c.r, c.g, c.b, 0);
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, rx, ry);
    cairo_rectangle(cr, -1, -1, 2, 2);
    cairo_set_source(cr, fade);
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_pattern_destroy(fade);
}
