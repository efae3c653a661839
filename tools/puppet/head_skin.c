/* Neck, shoulders, ears, the face's surface and the nose. */
#include "puppet/head.h"
#include "puppet/paint.h"

#include <math.h>

static const pup_rgb shade = {0.16, 0.06, 0.04};
static const pup_rgb glow = {1, 0.95, 0.88};

void pup_draw_body(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    double w = id->shoulder;
    cairo_new_path(cr);
    cairo_move_to(cr, -0.50, 0.7);
    cairo_line_to(cr, 0.50, 0.7);
    cairo_curve_to(cr, 0.52, 1.5, 0.6, 1.75, 1.0, 1.95);
    cairo_line_to(cr, -1.0, 1.95);
    cairo_curve_to(cr, -0.6, 1.75, -0.52, 1.5, -0.50, 0.7);
    pup_source(cr, pup_rgb_scale(id->skin, 0.80), 1);
    cairo_fill(cr);
    pup_spot(cr, 0, 1.35, 0.75, 0.55, shade, 0.55);

    cairo_pattern_t *cloth = cairo_pattern_create_linear(-w, 1.6, w, 2.6);
    pup_rgb lit = pup_rgb_scale(id->cloth, 1.15), dim = pup_rgb_scale(id->cloth, 0.65);
    if (head->light.side > 0) {
        pup_rgb swap = lit;
        lit = dim;
        dim = swap;
    }
    cairo_pattern_add_color_stop_rgb(cloth, 0, lit.r, lit.g, lit.b);
    cairo_pattern_add_color_stop_rgb(cloth, 1, dim.r, dim.g, dim.b);
    cairo_new_path(cr);
    cairo_move_to(cr, -0.62, 1.68);
    cairo_curve_to(cr, -0.35, 2.1, 0.35, 2.1, 0.62, 1.68);
    cairo_curve_to(cr, 1.0, 1.95, w * 0.9, 1.9, w, 2.6);
    cairo_line_to(cr, w + 0.3, 6);
    cairo_line_to(cr, -w - 0.3, 6);
    cairo_line_to(cr, -w, 2.6);
    cairo_curve_to(cr, -w * 0.9, 1.9, -1.0, 1.95, -0.62, 1.68);
    cairo_set_source(cr, cloth);
    cairo_fill(cr);
    cairo_pattern_destroy(cloth);
    /* Collar: a darker hem where neck and cloth meet. */
    cairo_move_to(cr, -0.62, 1.68);
    cairo_curve_to(cr, -0.35, 2.1, 0.35, 2.1, 0.62, 1.68);
    cairo_set_line_width(cr, 0.07);
    pup_source(cr, pup_rgb_scale(id->cloth, 0.5), 0.8);
    cairo_stroke(cr);
}

void pup_face_path(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    double drop = pup_jaw_drop(head), chin = id->chin + drop, jaw = id->jaw;
    double shift = 0.25 * sin(head->pose.yaw); /* the chin stands out and turns with the face */
    double nod = 0.5 * sin(head->pose.pitch);
    cairo_new_path(cr);
    cairo_move_to(cr, 0, -1.42);
    cairo_curve_to(cr, 0.60, -1.42, 0.98, -0.95, 0.98, -0.25);
    cairo_curve_to(cr, 0.98, 0.30, jaw + 0.15 + shift * 0.4, 0.70 + drop * 0.5, jaw + shift * 0.7, 0.92 + drop * 0.7);
    cairo_curve_to(cr, jaw - 0.14 + shift, 1.20 + drop, 0.34 + shift, chin + nod, shift, chin + nod);
    cairo_curve_to(cr, -0.34 + shift, chin + nod, 0.14 - jaw + shift, 1.20 + drop, -jaw + shift * 0.7,
                   0.92 + drop * 0.7);
    cairo_curve_to(cr, -jaw - 0.15 + shift * 0.4, 0.70 + drop * 0.5, -0.98, 0.30, -0.98, -0.25);
    cairo_curve_to(cr, -0.98, -0.95, -0.60, -1.42, 0, -1.42);
    cairo_close_path(cr);
}

static void draw_ear(cairo_t *cr, const pup_head *head, double side)
{
    double x = side * (1.0 - side * 0.10 * sin(head->pose.yaw)), y = 0.02 - 0.3 * sin(head->pose.pitch);
    pup_ellipse_path(cr, x, y, 0.14, 0.28);
    pup_source(cr, pup_rgb_scale(head->id->skin, 0.85), 1);
    cairo_fill(cr);
    pup_spot(cr, x, y, 0.10, 0.2, shade, 0.35);
}

/* The ground colour, brighter towards the light. */
static void fill_face(cairo_t *cr, const pup_head *head)
{
    const pup_light *light = &head->light;
    pup_rgb tint = {1 + 0.04 * light->warmth, 1, 1 - 0.06 * light->warmth};
    pup_rgb skin = {fmin(head->id->skin.r * tint.r, 1), head->id->skin.g, fmin(head->id->skin.b * tint.b, 1)};
    pup_rgb lit = pup_rgb_scale(skin, 1.06), mid = pup_rgb_scale(skin, 0.97);
    pup_rgb dim = pup_rgb_scale(skin, 0.80 - 0.25 * light->contrast);
    cairo_pattern_t *fill = cairo_pattern_create_radial(0.35 * light->side, -0.35, 0.15, 0.12 * light->side, 0.0, 1.55);
    cairo_pattern_add_color_stop_rgb(fill, 0, lit.r, lit.g, lit.b);
    cairo_pattern_add_color_stop_rgb(fill, 0.45, mid.r, mid.g, mid.b);
    cairo_pattern_add_color_stop_rgb(fill, 1, dim.r, dim.g, dim.b);
    pup_face_path(cr, head);
    cairo_set_source(cr, fill);
    cairo_fill(cr);
    cairo_pattern_destroy(fill);
}

static void spot_on_face(cairo_t *cr, const pup_head *head, double x, double y, double rx, double ry, pup_rgb c,
                         double alpha)
{
    pup_point p = pup_on_face(head, x, y, 0);
    pup_spot(cr, p.x, p.y, rx, ry, c, alpha);
}

/* Hollows and bulges: eye sockets, cheeks, chin, folds. */
static void model_face(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    const pup_rgb blush = {0.75, 0.25, 0.2};
    double away = -head->light.side, drop = pup_jaw_drop(head);
    pup_spot(cr, 0.95 * away, 0.25, 0.75, 1.3, shade, 0.40 * head->light.contrast * fabs(away));
    for (double side = -1; side <= 1; side += 2) {
        spot_on_face(cr, head, side * id->eye_x, id->eye_y - 0.05, 0.34, 0.20, shade, 0.42);
        spot_on_face(cr, head, side * 0.20, id->eye_y - 0.02, 0.12, 0.18, shade, 0.34);
        spot_on_face(cr, head, side * id->eye_x, id->eye_y + 0.20, 0.25, 0.08, shade, 0.10 + 0.15 * id->lines);
        spot_on_face(cr, head, side * 0.55, 0.32, 0.34, 0.26, side * head->light.side > 0 ? glow : blush, 0.16);
        spot_on_face(cr, head, side * 0.66, 0.70, 0.24, 0.45, shade, 0.13);
        spot_on_face(cr, head, side * 0.42, id->nose_y + 0.22, 0.09, 0.22, shade, 0.06 + 0.10 * id->lines);
    }
    spot_on_face(cr, head, 0.15 * head->light.side, -0.72, 0.5, 0.28, glow, 0.20);
    spot_on_face(cr, head, 0, id->mouth_y + 0.27 + drop, 0.30, 0.09, shade, 0.30);
    spot_on_face(cr, head, 0.05 * head->light.side, id->chin - 0.17 + drop, 0.2, 0.13, glow, 0.14);
    for (int i = 0; i < PUP_BLEMISHES; i++) {
        double tone = id->blemishes[i].tone, size = id->blemishes[i].size;
        spot_on_face(cr, head, id->blemishes[i].x, id->blemishes[i].y, size, size, tone < 0 ? shade : glow,
                     0.11 * fabs(tone));
    }
}

void pup_draw_skin(cairo_t *cr, const pup_head *head)
{
    draw_ear(cr, head, -1);
    draw_ear(cr, head, 1);
    fill_face(cr, head);
    /* Painted on a layer that is then cut out with the face's outline: much faster than a clip for each spot. */
    cairo_push_group(cr);
    model_face(cr, head);
    cairo_pop_group_to_source(cr);
    pup_face_path(cr, head);
    cairo_fill(cr);
}

static void draw_nostril(cairo_t *cr, const pup_head *head, double side)
{
    const pup_identity *id = head->id;
    double w = id->nose_width;
    pup_point wing = pup_on_face(head, side * w, id->nose_y - 0.05, 0.12);
    pup_point hole = pup_on_face(head, side * w * 0.5, id->nose_y + 0.02, 0.16);
    pup_spot(cr, wing.x + side * 0.02, wing.y, 0.07, 0.10, shade, 0.36);
    pup_ellipse_path(cr, hole.x, hole.y, 0.055, 0.026);
    pup_source(cr, pup_rgb_scale(id->skin, 0.22), 0.85);
    cairo_fill(cr);
    pup_point top = pup_on_face(head, side * w * 1.05, id->nose_y - 0.12, 0.10);
    pup_point low = pup_on_face(head, side * w * 0.75, id->nose_y + 0.035, 0.12);
    cairo_move_to(cr, top.x, top.y);
    cairo_curve_to(cr, top.x + side * 0.05, top.y + 0.06, low.x + side * 0.08, low.y - 0.01, low.x, low.y);
    cairo_set_line_width(cr, 0.022);
    pup_source(cr, pup_rgb_scale(id->skin, 0.45), 0.7);
    cairo_stroke(cr);
}

void pup_draw_nose(cairo_t *cr, const pup_head *head)
{
    const pup_identity *id = head->id;
    double away = head->light.side > 0 ? -1 : 1;
    pup_point bridge = pup_on_face(head, away * 0.11, 0.05, 0.10), tip = pup_on_face(head, 0, id->nose_y - 0.1, 0.3);
    pup_point under = pup_on_face(head, 0, id->nose_y + 0.05, 0.12);
    pup_point ridge = pup_on_face(head, -away * 0.02, 0.0, 0.16);
    pup_spot(cr, bridge.x, bridge.y, 0.10, 0.40, shade, 0.30 + 0.15 * head->light.contrast);
    pup_spot(cr, ridge.x, ridge.y, 0.07, 0.36, glow, 0.34);
    pup_spot(cr, under.x, under.y, id->nose_width * 1.2, 0.10, shade, 0.55);
    pup_spot(cr, tip.x + away * 0.07, tip.y + 0.03, 0.16, 0.13, shade, 0.22);
    pup_spot(cr, tip.x - away * 0.03, tip.y - 0.02, 0.09, 0.08, glow, 0.45);
    draw_nostril(cr, head, -1);
    draw_nostril(cr, head, 1);
}
