#include "puppet/backdrop.h"

#include "puppet/paint.h"
#include "puppet/random.h"

#include <math.h>

/* Everything is drawn in a 1x1 square stretched over the picture. */
typedef void painter(cairo_t *cr, fal_rng *rng);

static pup_rgb any_colour(fal_rng *rng, double low, double high)
{
    double grey = pup_between(rng, low, high);
    return (pup_rgb){grey * pup_between(rng, 0.85, 1.1), grey * pup_between(rng, 0.9, 1.05),
                     grey * pup_between(rng, 0.8, 1.15)};
}

static void paint_wall(cairo_t *cr, fal_rng *rng)
{
    pup_rgb a = any_colour(rng, 0.35, 0.75), b = any_colour(rng, 0.2, 0.6);
    cairo_pattern_t *fill = cairo_pattern_create_linear(0, 0, pup_between(rng, -0.6, 1), 1);
    cairo_pattern_add_color_stop_rgb(fill, 0, a.r, a.g, a.b);
    cairo_pattern_add_color_stop_rgb(fill, 1, b.r, b.g, b.b);
    cairo_set_source(cr, fill);
    cairo_paint(cr);
    cairo_pattern_destroy(fill);
    pup_spot(cr, pup_between(rng, 0, 1), pup_between(rng, 0, 0.4), 0.6, 0.5, (pup_rgb){1, 0.97, 0.9}, 0.25);
}

static void paint_shelf_row(cairo_t *cr, fal_rng *rng, double top, double height)
{
    for (double x = -0.02; x < 1;) {
        double width = pup_between(rng, 0.02, 0.06), rise = height * pup_between(rng, 0.5, 0.85);
        pup_rgb c = {pup_between(rng, 0.1, 0.6), pup_between(rng, 0.1, 0.5), pup_between(rng, 0.1, 0.5)};
        if (pup_chance(rng, 0.85)) {
            cairo_rectangle(cr, x, top + height - rise, width, rise);
            pup_source(cr, c, 1);
            cairo_fill(cr);
        }
        x += width + 0.004;
    }
    cairo_rectangle(cr, 0, top + height, 1, 0.025);
    cairo_set_source_rgb(cr, 0.32, 0.22, 0.14);
    cairo_fill(cr);
}

static void paint_shelves(cairo_t *cr, fal_rng *rng)
{
    paint_wall(cr, rng);
    double height = pup_between(rng, 0.2, 0.28);
    for (double top = -0.05; top < 1; top += height + 0.03)
        paint_shelf_row(cr, rng, top, height);
}

static void paint_lights(cairo_t *cr, fal_rng *rng)
{
    pup_source(cr, any_colour(rng, 0.08, 0.25), 1);
    cairo_paint(cr);
    for (int i = 0; i < 28; i++) {
        double size = pup_between(rng, 0.02, 0.09);
        pup_rgb c = {pup_between(rng, 0.5, 1), pup_between(rng, 0.4, 0.9), pup_between(rng, 0.2, 0.8)};
        pup_ellipse_path(cr, pup_between(rng, 0, 1), pup_between(rng, 0, 1), size, size);
        pup_source(cr, c, pup_between(rng, 0.1, 0.45));
        cairo_fill(cr);
    }
}

static void paint_window(cairo_t *cr, fal_rng *rng)
{
    paint_wall(cr, rng);
    double x = pup_between(rng, -0.1, 0.7), width = pup_between(rng, 0.3, 0.5);
    cairo_rectangle(cr, x, 0.05, width, 0.65);
    pup_source(cr, (pup_rgb){0.78, 0.86, 0.92}, 1);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, 0.025);
    pup_source(cr, (pup_rgb){0.92, 0.92, 0.9}, 1);
    cairo_stroke(cr);
    cairo_move_to(cr, x + width / 2, 0.05);
    cairo_line_to(cr, x + width / 2, 0.7);
    cairo_stroke(cr);
    for (int i = 0; i < 6; i++)
        pup_spot(cr, x + width * fal_rng_uniform(rng), 0.6, 0.08, 0.15, (pup_rgb){0.25, 0.4, 0.22}, 0.5);
}

void pup_draw_backdrop(pup_picture *picture, uint64_t seed)
{
    static painter *const painters[] = {paint_wall, paint_shelves, paint_lights, paint_window};
    fal_rng rng = pup_rng(seed, "backdrop", 0);
    cairo_save(picture->cr);
    cairo_scale(picture->cr, picture->width, picture->height);
    painters[pup_pick(&rng, sizeof painters / sizeof *painters)](picture->cr, &rng);
    cairo_restore(picture->cr);
    pup_picture_flush(picture);
    int out_of_focus = (int)ceil(picture->width * pup_between(&rng, 0.015, 0.04));
    for (int i = 0; i < out_of_focus; i++)
        pup_picture_blur(picture);
    cairo_surface_mark_dirty(picture->surface);
}
