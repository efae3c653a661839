/* Eyes, brows and glasses. */
#include "puppet/head.h"
#include "puppet/paint.h"

#include <math.h>

typedef struct eye {
    pup_point centre;
    double side;           /* -1 left in the picture, 1 right */
    double width, opening; /* half sizes */
} eye;

static eye place_eye(const pup_head *head, double side)
{
    const pup_identity *id = head->id;
    eye e = {.centre = pup_on_face(head, side * id->eye_x, id->eye_y, 0), .side = side};
    /* The far eye looks narrower. */
    e.width = id->eye_width * (1 - 0.5 * fmax(0, side * sin(head->pose.yaw)));
    e.opening = id->eye_height * (1 - head->face.lid);
    return e;
}

/* The slit between the lids; the outer corner is a little higher. */
static void slit_path(cairo_t *cr, const eye *e)
{
    double x = e->centre.x, y = e->centre.y, w = e->width * e->side, up = e->opening * 1.35, low = e->opening * 0.85;
    double rest = 0.035; /* where the lids meet, below the middle */
    cairo_new_path(cr);
    cairo_move_to(cr, x - w, y + rest);
    cairo_curve_to(cr, x - w * 0.5, y + rest - up * 1.15, x + w * 0.45, y + rest - up * 1.25, x + w, y + rest - 0.02);
    cairo_curve_to(cr, x + w * 0.5, y + rest + low * 0.75, x - w * 0.4, y + rest + low * 0.8, x - w, y + rest);
    cairo_close_path(cr);
}

static void draw_ball(cairo_t *cr, const pup_head *head, const eye *e)
{
    const pup_identity *id = head->id;
    double r = id->eye_height * 0.98;
    double x = e->centre.x + 0.06 * head->face.gaze_x, y = e->centre.y + 0.01 + 0.03 * head->face.gaze_y;
    cairo_save(cr);
    slit_path(cr, e);
    cairo_clip(cr);
    pup_source(cr, (pup_rgb){0.88, 0.86, 0.84}, 1);
    cairo_paint(cr);
    pup_ellipse_path(cr, x, y, r, r);
    pup_source(cr, pup_rgb_scale(id->iris, 0.6), 1);
    cairo_fill(cr);
    pup_spot(cr, x, y + r * 0.2, r * 0.95, r * 0.95, pup_rgb_scale(id->iris, 1.5), 0.9);
    pup_ellipse_path(cr, x, y, r * 0.48, r * 0.48);
    cairo_set_source_rgb(cr, 0.03, 0.02, 0.02);
    cairo_fill(cr);
    pup_ellipse_path(cr, x + 0.035 * head->light.side + 0.01, y - 0.03, 0.02, 0.02);
    cairo_set_source_rgba(cr, 1, 1, 1, 0.9);
    cairo_fill(cr);
    /* The upper lid throws a shadow on the ball. */
    pup_spot(cr, e->centre.x, e->centre.y - e->opening * 1.1, e->width, e->opening * 1.1, (pup_rgb){0.1, 0.05, 0.04},
             0.6);
    cairo_restore(cr);
}

static void draw_lids(cairo_t *cr, const pup_head *head, const eye *e)
{
    double x = e->centre.x, y = e->centre.y + 0.035, w = e->width * e->side, up = e->opening * 1.35;
    pup_rgb lash = pup_rgb_scale(head->id->hair, 0.35), fold = pup_rgb_scale(head->id->skin, 0.5);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_new_path(cr);
    cairo_move_to(cr, x - w, y);
    cairo_curve_to(cr, x - w * 0.5, y - up * 1.15, x + w * 0.45, y - up * 1.25, x + w * 1.06, y - 0.03);
    cairo_set_line_width(cr, 0.034);
    pup_source(cr, lash, 0.92);
    cairo_stroke(cr);
    double low = e->opening * 0.85;
    cairo_move_to(cr, x + w, y - 0.02);
    cairo_curve_to(cr, x + w * 0.5, y + low * 0.75, x - w * 0.4, y + low * 0.8, x - w, y);
    cairo_set_line_width(cr, 0.014);
    pup_source(cr, pup_rgb_scale(fold, 0.8), 0.7);
    cairo_stroke(cr);
    /* Crease over the lid. */
    double crease = head->id->eye_height * 1.35 + 0.055;
    cairo_move_to(cr, x - w * 0.85, y - 0.06);
    cairo_curve_to(cr, x - w * 0.4, y - crease * 1.05, x + w * 0.5, y - crease * 1.1, x + w * 1.02, y - 0.06);
    cairo_set_line_width(cr, 0.018);
    pup_source(cr, fold, 0.55);
    cairo_stroke(cr);
}

static void draw_brow(cairo_t *cr, const pup_head *head, double side)
{
    const pup_identity *id = head->id;
    double y = id->brow_y - head->face.brow, thick = id->brow_thick;
    pup_point in = pup_on_face(head, side * 0.17, y + 0.03 + id->brow_tilt, 0.03);
    pup_point top = pup_on_face(head, side * 0.50, y - 0.07, 0.03);
    pup_point out = pup_on_face(head, side * 0.72, y + 0.05 - id->brow_tilt, 0.0);
    cairo_new_path(cr);
    cairo_move_to(cr, in.x, in.y - thick * 0.9);
    cairo_curve_to(cr, in.x + side * 0.12, in.y - thick - 0.05, top.x - side * 0.05, top.y - thick, out.x, out.y);
    cairo_curve_to(cr, top.x - side * 0.02, top.y + thick * 0.7, in.x + side * 0.14, in.y + thick * 0.5, in.x,
                   in.y + thick * 0.8);
    cairo_close_path(cr);
    pup_source(cr, pup_rgb_scale(id->hair, 0.72), 0.86);
    cairo_fill(cr);
}

static void draw_glasses(cairo_t *cr, const pup_head *head)
{
    cairo_set_line_width(cr, 0.035);
    cairo_set_source_rgba(cr, 0.10, 0.09, 0.10, 0.9);
    pup_point centres[2];
    for (int i = 0; i < 2; i++) {
        centres[i] = pup_on_face(head, (2 * i - 1) * head->id->eye_x, head->id->eye_y + 0.05, 0.08);
        pup_ellipse_path(cr, centres[i].x, centres[i].y, 0.32, 0.25);
        cairo_stroke(cr);
        cairo_move_to(cr, centres[i].x + (2 * i - 1) * 0.31, centres[i].y - 0.06);
        cairo_line_to(cr, (2 * i - 1) * 1.0, -0.1);
        cairo_stroke(cr);
    }
    cairo_move_to(cr, centres[0].x + 0.31, centres[0].y - 0.05);
    cairo_line_to(cr, centres[1].x - 0.31, centres[1].y - 0.05);
    cairo_stroke(cr);
}

void pup_draw_eyes(cairo_t *cr, const pup_head *head)
{
    for (double side = -1; side <= 1; side += 2) {
        eye e = place_eye(head, side);
        draw_ball(cr, head, &e);
        draw_lids(cr, head, &e);
        draw_brow(cr, head, side);
    }
    if (head->id->glasses)
        draw_glasses(cr, head);
}
