/* Draws one head with shoulders. head.c has the order of things, head_skin.c, head_eyes.c, head_mouth.c and head_hair.c
 * the parts. */
#ifndef PUP_HEAD_H
#define PUP_HEAD_H

#include "puppet/identity.h"
#include "puppet/viseme.h"

#include <cairo.h>

typedef struct pup_light {
    double side;     /* -1 from the left to 1 from the right */
    double contrast; /* 0 flat to 1 */
    double warmth;   /* -1 bluish to 1 reddish */
} pup_light;

/* Where a head is and how it is turned. */
typedef struct pup_pose {
    double x, y;             /* of the face's origin, pixels */
    double body_x, body_y;   /* the same at rest: where the shoulders hang */
    double unit_px;          /* half the width of the face */
    double roll, yaw, pitch; /* radians; positive yaw turns to the viewer's right, positive pitch looks down */
} pup_pose;

typedef struct pup_expression {
    pup_mouth mouth;
    double lid;            /* 0 open to 1 shut */
    double gaze_x, gaze_y; /* -1 to 1 */
    double brow;           /* raised by, face units */
} pup_expression;

typedef struct pup_head {
    const pup_identity *id;
    pup_light light;
    pup_pose pose;
    pup_expression face;
} pup_head;

void pup_draw_head(cairo_t *cr, const pup_head *head);

/* The point of the face at (x, y), raised by `lift` over its surface, as seen after the head's turn: face space. */
typedef struct pup_point {
    double x, y;
} pup_point;
pup_point pup_on_face(const pup_head *head, double x, double y, double lift);
/* The same in pixels of the picture. */
pup_point pup_in_picture(const pup_head *head, double x, double y, double lift);

/* Parts, drawn in face space (the transform is set). */
void pup_draw_body(cairo_t *cr, const pup_head *head);
void pup_draw_skin(cairo_t *cr, const pup_head *head);
void pup_draw_nose(cairo_t *cr, const pup_head *head);
void pup_draw_eyes(cairo_t *cr, const pup_head *head);
void pup_draw_mouth(cairo_t *cr, const pup_head *head);
void pup_draw_beard(cairo_t *cr, const pup_head *head);
void pup_draw_hair_back(cairo_t *cr, const pup_head *head);
void pup_draw_hair_front(cairo_t *cr, const pup_head *head);
/* The outline of face and jaw as the current path. */
void pup_face_path(cairo_t *cr, const pup_head *head);
/* How far the jaw drops, face units. */
double pup_jaw_drop(const pup_head *head);

#endif
