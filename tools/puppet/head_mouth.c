/* Lips, teeth, tongue. */
#include "puppet/head.h"
#include "puppet/paint.h"

#include <math.h>

/* The mouth in face space: the corners, the edges of the opening and of the lips at the middle. */
typedef struct lips {
    double x, y;                 /* middle of the closed mouth */
    double half;                 /* half width of the lips */
    double inner_half;           /* half width of the opening */
    double inner_up, inner_down; /* the opening above and below y */
    double outer_up, outer_down; /* the lips' outer edges */
} lips;

static lips shape_lips(const pup_head *head)
{
    const pup_mouth *m = &head->face.mouth;
    const pup_identity *id = head->id;
    pup_point at = pup_on_face(head, 0, id->mouth_y, 0.06 + 0.06 * m->round);
    double gap = 0.36 * m->open, full = id->lip_full * (1 + 0.25 * m->round);
    double press = m->open < 0.06 ? 0.75 + 4 * m->open : 1; /* pressed lips are thin */
    lips l = {.x = at.x, .y = at.y};
    l.half = id->mouth_width * (1 + 0.13 * m->width - 0.30 * m->round - 0.06 * m->open);
    l.inner_half = l.half * (0.80 - 0.12 * m->round);
    l.inner_up = gap * 0.30;
    l.inner_down = gap * 0.70;
    l.outer_up = l.inner_up + 0.085 * full * press;
    l.outer_down = l.inner_down + 0.115 * full * press * (1 - 0.6 * m->tuck);
    return l;
}

static void outer_path(cairo_t *cr, const lips *l)
{
    double x = l->x, y = l->y, w = l->half, corner = y + 0.02 + 0.25 * (l->inner_down - l->inner_up);
    double up = y - l->outer_up, down = y + l->outer_down;
    cairo_new_path(cr);
    cairo_move_to(cr, x - w, corner);
    cairo_curve_to(cr, x - w * 0.6, y - l->outer_up * 0.55, x - w * 0.35, up - 0.015, x - w * 0.18, up - 0.01);
    cairo_curve_to(cr, x - w * 0.08, up, x + w * 0.08, up, x + w * 0.18, up - 0.01); /* the bow: lower in the middle */
    cairo_curve_to(cr, x + w * 0.35, up - 0.015, x + w * 0.6, y - l->outer_up * 0.55, x + w, corner);
    cairo_curve_to(cr, x + w * 0.65, down - 0.02, x + w * 0.35, down + 0.01, x, down + 0.01);
    cairo_curve_to(cr, x - w * 0.35, down + 0.01, x - w * 0.65, down - 0.02, x - w, corner);
    cairo_close_path(cr);
}

static void inner_path(cairo_t *cr, const lips *l)
{
    double x = l->x, y = l->y, w = l->inner_half, corner = y + 0.01 + 0.25 * (l->inner_down - l->inner_up);
    double up = y - l->inner_up * 1.25, down = y + l->inner_down * 1.25;
    cairo_new_path(cr);
    cairo_move_to(cr, x - w, corner);
    cairo_curve_to(cr, x - w * 0.5, up, x + w * 0.5, up, x + w, corner);
    cairo_curve_to(cr, x + w * 0.55, down, x - w * 0.55, down, x - w, corner);
    cairo_close_path(cr);
}

static void draw_inside(cairo_t *cr, const pup_head *head, const lips *l)
{
    const pup_mouth *m = &head->face.mouth;
    double w = l->inner_half, top = l->y - l->inner_up, bottom = l->y + l->inner_down;
    cairo_save(cr);
    inner_path(cr, l);
    cairo_clip(cr);
    cairo_set_source_rgb(cr, 0.17, 0.045, 0.05);
    cairo_paint(cr);
    if (m->tongue > 0.05) {
        double rise = m->tongue * (bottom - top) * 0.8;
        pup_ellipse_path(cr, l->x, bottom + 0.02, w * 0.62, rise);
        cairo_set_source_rgba(cr, 0.66, 0.30, 0.30, 0.9);
        cairo_fill(cr);
    }
    if (m->teeth > 0.05) {
        double length = 0.02 + 0.085 * m->teeth;
        cairo_rectangle(cr, l->x - w * 0.72, top - 0.06, w * 1.44, 0.06 + length);
        cairo_set_source_rgba(cr, 0.90, 0.87, 0.81, 0.95);
        cairo_fill(cr);
        pup_spot(cr, l->x - w * 0.7, top, w * 0.35, 0.2, (pup_rgb){0.15, 0.05, 0.05}, 0.7);
        pup_spot(cr, l->x + w * 0.7, top, w * 0.35, 0.2, (pup_rgb){0.15, 0.05, 0.05}, 0.7);
    }
    pup_spot(cr, l->x, top, w, 0.07, (pup_rgb){0.1, 0.02, 0.02}, 0.5);
    cairo_restore(cr);
}

static void fill_lips(cairo_t *cr, const pup_head *head, const lips *l)
{
    pup_rgb lip = head->id->lip, dark = pup_rgb_scale(lip, 0.72), light = pup_rgb_scale(lip, 1.14);
    cairo_pattern_t *fill = cairo_pattern_create_linear(0, l->y - l->outer_up, 0, l->y + l->outer_down);
    cairo_pattern_add_color_stop_rgb(fill, 0, lip.r, lip.g, lip.b);
    cairo_pattern_add_color_stop_rgb(fill, 0.42, dark.r, dark.g, dark.b);
    cairo_pattern_add_color_stop_rgb(fill, 0.75, light.r, light.g, light.b);
    cairo_pattern_add_color_stop_rgb(fill, 1, dark.r, dark.g, dark.b);
    outer_path(cr, l);
    cairo_set_source(cr, fill);
    cairo_fill(cr);
    cairo_pattern_destroy(fill);
    pup_spot(cr, l->x + 0.05 * head->light.side, l->y + (l->inner_down + l->outer_down) * 0.5, l->half * 0.4, 0.04,
             (pup_rgb){1, 0.9, 0.88}, 0.4);
}

void pup_draw_mouth(cairo_t *cr, const pup_head *head)
{
    lips l = shape_lips(head);
    const pup_rgb shadow = {0.14, 0.05, 0.04};
    pup_spot(cr, l.x, l.y - l.outer_up - 0.08, 0.09, 0.14, shadow, 0.22); /* the groove under the nose */
    for (double side = -1; side <= 1; side += 2)
        pup_spot(cr, l.x + side * (l.half + 0.01), l.y + 0.02, 0.08, 0.07, shadow, 0.30);
    fill_lips(cr, head, &l);
    if (l.inner_up + l.inner_down > 0.015)
        draw_inside(cr, head, &l);
    /* The line of the upper lip's edge, all there is to see of a closed mouth. */
    double corner = l.y + 0.01 + 0.25 * (l.inner_down - l.inner_up), up = l.y - l.inner_up * 1.25;
    cairo_new_path(cr);
    cairo_move_to(cr, l.x - l.half * 0.96, corner);
    cairo_curve_to(cr, l.x - l.inner_half * 0.5, up, l.x + l.inner_half * 0.5, up, l.x + l.half * 0.96, corner);
    cairo_set_line_width(cr, 0.024);
    cairo_set_source_rgba(cr, 0.22, 0.06, 0.06, 0.85);
    cairo_stroke(cr);
}

void pup_draw_beard(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    if (id->beard <= 0)
        return;
    double drop = pup_jaw_drop(head);
    pup_rgb c = pup_rgb_scale(id->hair, 0.8);
    pup_point lip = pup_on_face(head, 0, id->mouth_y - 0.2, 0.05),
              chin = pup_on_face(head, 0, id->chin - 0.2 + drop, 0);
    cairo_save(cr);
    pup_face_path(cr, head);
    cairo_clip(cr);
    pup_spot(cr, lip.x, lip.y, 0.42, 0.14, c, 0.75 * id->beard);
    pup_spot(cr, chin.x, chin.y + 0.08, 0.85, 0.44, c, 0.85 * id->beard);
    for (double side = -1; side <= 1; side += 2)
        pup_spot(cr, side * 0.74, 0.85 + drop * 0.6, 0.28, 0.55, c, 0.55 * id->beard);
    cairo_restore(cr);
}
