/* The look of a person: proportions and colours drawn from a seed.
 *
 * Face space: the origin is between the eyes and the tip of the nose, x to the viewer's right, y down; half the width
 * of the face is 1. The crown is near y = -1.42, eyes at -0.17, mouth at 0.8, chin near 1.4. */
#ifndef PUP_IDENTITY_H
#define PUP_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pup_rgb {
    double r, g, b; /* 0 to 1 */
} pup_rgb;

typedef enum pup_hair { PUP_HAIR_SHORT, PUP_HAIR_PARTED, PUP_HAIR_LONG, PUP_HAIR_CURLY, PUP_HAIR_RECEDING } pup_hair;

enum { PUP_BLEMISHES = 12 };

typedef struct pup_identity {
    pup_rgb skin, lip, hair, iris, cloth;
    double width;                               /* of the whole head, 1 is average */
    double jaw;                                 /* half width at the jaw's corner */
    double chin;                                /* y of the chin */
    double eye_x, eye_y, eye_width, eye_height; /* centre of the right one, half sizes */
    double brow_y, brow_thick, brow_tilt;
    double nose_y, nose_width;
    double mouth_y, mouth_width, lip_full;
    double shoulder; /* half width */
    pup_hair hair_style;
    double hairline; /* y where the hair begins */
    double hair_volume;
    double beard; /* 0 none to 1 */
    bool glasses;
    double lines; /* 0 young to 1: folds beside the mouth, under the eyes */
    struct {
        double x, y, size, tone; /* faint irregularities of the skin; tone below 0 is darker */
    } blemishes[PUP_BLEMISHES];
} pup_identity;

pup_identity pup_identity_make(uint64_t seed, bool female);
pup_rgb pup_rgb_mix(pup_rgb a, pup_rgb b, double share_of_b);
/* Brighter above 1, darker below; never above white. */
pup_rgb pup_rgb_scale(pup_rgb c, double factor);

#endif
