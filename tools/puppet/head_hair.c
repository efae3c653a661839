#include "puppet/head.h"
#include "puppet/paint.h"

#include <math.h>

/* Everything that shows behind the face. */
void pup_draw_hair_back(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    double v = id->hair_volume;
    pup_source(cr, pup_rgb_scale(id->hair, 0.75), 1);
    if (id->hair_style == PUP_HAIR_LONG) {
        cairo_new_path(cr);
        cairo_move_to(cr, -0.9, 2.0);
        cairo_curve_to(cr, -1.45 - v, 1.2, -1.15 - v, -0.4, -1.03 - v, -0.6);
        cairo_curve_to(cr, -0.9, -1.75 - v, 0.9, -1.75 - v, 1.03 + v, -0.6);
        cairo_curve_to(cr, 1.15 + v, -0.4, 1.45 + v, 1.2, 0.9, 2.0);
        cairo_close_path(cr);
        cairo_fill(cr);
    } else if (id->hair_style == PUP_HAIR_CURLY) {
        for (int i = 0; i <= 12; i++) {
            double angle = M_PI * (1.0 + i / 12.0) + 0.12 * (i % 2 ? 1 : -1);
            pup_ellipse_path(cr, 1.0 * cos(angle), -0.35 + 1.12 * sin(angle), 0.27 + v, 0.27 + v);
            cairo_fill(cr);
        }
    } else if (id->hair_style != PUP_HAIR_RECEDING) {
        pup_ellipse_path(cr, 0, -0.5, 1.03 + v * 0.6, 1.02 + v);
        cairo_fill(cr);
    }
}

/* From temple to temple over the crown, and back along the hairline. `part` is where the hairline is highest. */
static void cap_path(cairo_t *cr, const pup_head *head, double part, double sides)
{
    const pup_identity *id = head->id;
    double v = id->hair_volume;
    pup_point line = pup_on_face(head, part * 0.5, id->hairline, 0);
    cairo_new_path(cr);
    cairo_move_to(cr, -1.0, sides);
    cairo_curve_to(cr, -1.08 - v, -0.9, -0.75, -1.48 - v, 0, -1.50 - v);
    cairo_curve_to(cr, 0.75, -1.48 - v, 1.08 + v, -0.9, 1.0, sides);
    cairo_curve_to(cr, 0.90, -0.45, 0.86, id->hairline + 0.25, 0.70, id->hairline + 0.12);
    cairo_curve_to(cr, 0.45, id->hairline - 0.02, line.x + 0.15, line.y - 0.05, line.x, line.y);
    cairo_curve_to(cr, line.x - 0.15, line.y - 0.02, -0.45, id->hairline + 0.02, -0.70, id->hairline + 0.12);
    cairo_curve_to(cr, -0.86, id->hairline + 0.25, -0.90, -0.45, -1.0, sides);
    cairo_close_path(cr);
}

/* A few lighter and darker strokes along the growth. */
static void draw_strands(cairo_t *cr, const pup_head *head, double part)
{
    const pup_identity *id = head->id;
    cairo_set_line_width(cr, 0.03);
    for (int i = 0; i < 12; i++) {
        double along = -0.9 + 1.8 * i / 11.0, wobble = id->blemishes[i % PUP_BLEMISHES].tone * 0.1;
        cairo_move_to(cr, part * 0.4 + along * 0.25, -1.42 - id->hair_volume);
        cairo_curve_to(cr, along * 0.8 + wobble, -1.40, along + wobble, -1.15, along * 1.02, id->hairline + 0.1);
        pup_source(cr, pup_rgb_scale(id->hair, i % 2 ? 1.5 : 0.6), 0.35);
        cairo_stroke(cr);
    }
}

void pup_draw_hair_front(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    double part = id->hair_style == PUP_HAIR_PARTED ? 0.8 : id->hair_style == PUP_HAIR_LONG ? 0.2 : 0;
    double sides = id->hair_style == PUP_HAIR_LONG ? 0.5 : -0.22;
    if (id->hair_style == PUP_HAIR_RECEDING)
        sides = -0.05;
    cairo_save(cr);
    cap_path(cr, head, part, sides);
    cairo_clip(cr);
    pup_source(cr, id->hair, id->hair_style == PUP_HAIR_RECEDING ? 0.8 : 1);
    cairo_paint(cr);
    draw_strands(cr, head, part);
    pup_spot(cr, 0.35 * head->light.side, -1.25, 0.6, 0.22, pup_rgb_scale(id->hair, 2.2), 0.35);
    cairo_restore(cr);
    if (id->hair_style != PUP_HAIR_CURLY)
        return;
    pup_source(cr, id->hair, 1);
    for (int i = 0; i < 7; i++) {
        pup_ellipse_path(cr, -0.75 + 0.25 * i, id->hairline - 0.12 + 0.16 * fabs(i - 3.0) / 3, 0.17, 0.17);
        cairo_fill(cr);
    }
}
