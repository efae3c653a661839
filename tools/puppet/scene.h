/* One recording situation: room, light, camera, and heads that move on their own. */
#ifndef PUP_SCENE_H
#define PUP_SCENE_H

#include "puppet/head.h"
#include "puppet/options.h"
#include "puppet/picture.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct pup_actor {
    pup_identity id;
    uint64_t motion;      /* seed */
    double x, y, unit_px; /* resting place, pixels */
    double liveliness;    /* scales all motion */
} pup_actor;

typedef struct pup_scene {
    pup_picture backdrop;
    pup_light light;
    pup_actor actors[PUP_MAX_FACES]; /* the first one speaks */
    int actor_count;
} pup_scene;

/* `recording` decides everything but the speaker's look. */
fal_status pup_scene_make(const pup_options *options, uint64_t recording, const pup_identity *speaker, pup_scene *out,
                          fal_error *err);
void pup_scene_free(pup_scene *scene);

/* The speaker at a time. */
pup_head pup_scene_speaker(const pup_scene *scene, double time_s, const pup_mouth *mouth);
/* Draws the room and everybody; the speaker as given. No blur, no noise. */
void pup_scene_draw(const pup_scene *scene, double time_s, const pup_head *speaker, pup_picture *picture);

#endif
