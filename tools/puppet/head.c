#include "puppet/head.h"

#include "puppet/paint.h"

#include <math.h>

/* The front of the head is close to an ellipsoid with these half axes. */
static double surface(double x, double y)
{
    double inside = 1 - (x / 1.08) * (x / 1.08) - (y / 1.75) * (y / 1.75);
    return 0.85 * sqrt(fmax(inside, 0.04));
}

pup_point pup_on_face(const pup_head *head, double x, double y, double lift)
{
    double z = surface(x, y) + lift;
    double turned = x * cos(head->pose.yaw) + z * sin(head->pose.yaw);
    double nodded = y * cos(head->pose.pitch) + z * sin(head->pose.pitch);
    return (pup_point){turned, nodded};
}

pup_point pup_in_picture(const pup_head *head, double x, double y, double lift)
{
    pup_point p = pup_on_face(head, x, y, lift);
    const pup_pose *pose = &head->pose;
    double c = cos(pose->roll), s = sin(pose->roll);
    double px = p.x * pose->unit_px * head->id->width, py = p.y * pose->unit_px;
    return (pup_point){pose->x + c * px - s * py, pose->y + s * px + c * py};
}

double pup_jaw_drop(const pup_head *head)
{
    return 0.13 * head->face.mouth.open;
}

static void face_space(cairo_t *cr, const pup_head *head)
{
    const pup_pose *pose = &head->pose;
    cairo_translate(cr, pose->x, pose->y);
    cairo_rotate(cr, pose->roll);
    cairo_scale(cr, pose->unit_px * head->id->width, pose->unit_px);
}

void pup_draw_head(cairo_t *cr, const pup_head *head)
{
    const pup_pose *pose = &head->pose;
    cairo_save(cr);
    face_space(cr, head);
    pup_draw_hair_back(cr, head);
    cairo_restore(cr);

    cairo_save(cr);
    cairo_translate(cr, pose->body_x + (pose->x - pose->body_x) * 0.35, pose->body_y + (pose->y - pose->body_y) * 0.35);
    cairo_scale(cr, pose->unit_px, pose->unit_px);
    pup_draw_body(cr, head);
    cairo_restore(cr);

    cairo_save(cr);
    face_space(cr, head);
    pup_draw_skin(cr, head);
    pup_draw_beard(cr, head);
    pup_draw_eyes(cr, head);
    pup_draw_nose(cr, head);
    pup_draw_mouth(cr, head);
    pup_draw_hair_front(cr, head);
    cairo_restore(cr);
}
