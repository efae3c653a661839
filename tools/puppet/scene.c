#include "puppet/scene.h"

#include "puppet/backdrop.h"
#include "puppet/random.h"

#include <math.h>

/* Smooth random function of time: normal values on a grid of one unit, cosine between them. */
static double wander(uint64_t seed, const char *what, double time)
{
    double cell = floor(time), within = time - cell;
    fal_rng here = pup_rng(seed, what, (uint64_t)(int64_t)cell),
            next = pup_rng(seed, what, (uint64_t)(int64_t)cell + 1);
    double a = fal_rng_normal(&here), b = fal_rng_normal(&next), t = (1 - cos(M_PI * within)) / 2;
    return a + (b - a) * t;
}

static double sway(uint64_t seed, const char *what, double time_s)
{
    fal_rng rng = pup_rng(seed, what, UINT64_MAX);
    double rate_hz = pup_between(&rng, 0.12, 0.35), phase = pup_between(&rng, 0, 2 * M_PI);
    return 0.6 * sin(2 * M_PI * rate_hz * time_s + phase) + 0.5 * wander(seed, what, time_s / 0.7);
}

/* One blink somewhere in every three seconds, 0.2 s from open to open. */
static double lid_at(uint64_t seed, double time_s)
{
    const double slot_s = 3.0, half_s = 0.10;
    double slot = floor(time_s / slot_s);
    fal_rng rng = pup_rng(seed, "blink", (uint64_t)slot);
    double middle = slot * slot_s + pup_between(&rng, half_s, slot_s - half_s);
    return fmax(0, 1 - fabs(time_s - middle) / half_s);
}

/* The eyes rest on a point for about a second, most often on the camera. */
static void aim_eyes(uint64_t seed, double time_s, pup_expression *face)
{
    fal_rng rng = pup_rng(seed, "gaze", (uint64_t)(time_s / 1.1));
    bool at_camera = pup_chance(&rng, 0.7);
    face->gaze_x = at_camera ? 0 : pup_between(&rng, -0.8, 0.8);
    face->gaze_y = at_camera ? 0 : pup_between(&rng, -0.4, 0.4);
}

static pup_head head_of(const pup_scene *scene, const pup_actor *actor, double time_s)
{
    uint64_t seed = actor->motion;
    double live = actor->liveliness, unit = actor->unit_px;
    pup_head head = {.id = &actor->id, .light = scene->light};
    head.pose = (pup_pose){.body_x = actor->x, .body_y = actor->y, .unit_px = unit};
    head.pose.yaw = 0.09 * live * sway(seed, "yaw", time_s);
    head.pose.pitch = 0.05 * live * sway(seed, "pitch", time_s);
    head.pose.roll = 0.04 * live * sway(seed, "roll", time_s);
    head.pose.x = actor->x + unit * (0.09 * live * sway(seed, "x", time_s) + 0.4 * sin(head.pose.yaw));
    head.pose.y = actor->y + unit * 0.05 * live * sway(seed, "y", time_s);
    head.face.lid = lid_at(seed, time_s);
    head.face.brow = 0.03 * fmax(0, sway(seed, "brow", time_s));
    aim_eyes(seed, time_s, &head.face);
    return head;
}

pup_head pup_scene_speaker(const pup_scene *scene, double time_s, const pup_mouth *mouth)
{
    pup_head head = head_of(scene, &scene->actors[0], time_s);
    head.face.mouth = *mouth;
    return head;
}

void pup_scene_draw(const pup_scene *scene, double time_s, const pup_head *speaker, pup_picture *picture)
{
    pup_picture_copy(picture, &scene->backdrop);
    for (int i = scene->actor_count - 1; i > 0; i--) {
        pup_head listener = head_of(scene, &scene->actors[i], time_s);
        listener.face.mouth.width = 0.3 * sway(scene->actors[i].motion, "smile", time_s);
        pup_draw_head(picture->cr, &listener);
    }
    pup_draw_head(picture->cr, speaker);
    pup_picture_flush(picture);
}

/* Heads stand side by side; the speaker's place among them is random. */
static void place_actors(const pup_options *options, fal_rng *rng, pup_scene *scene)
{
    int count = scene->actor_count, speaker_place = (int)pup_pick(rng, (size_t)count);
    double cell = (double)options->width / count, height = (double)options->height;
    for (int i = 0; i < count; i++) {
        pup_actor *actor = &scene->actors[i];
        int place = i == 0 ? speaker_place : i - 1 + (i - 1 >= speaker_place);
        double room = fmin(cell / 2.4, height / 3.4);
        actor->unit_px = room * pup_between(rng, 0.62, 0.82);
        actor->x = cell * (place + 0.5) + (cell / 2 - actor->unit_px * 1.2) * pup_between(rng, -0.5, 0.5);
        actor->y = height * 0.5 + (height / 2 - actor->unit_px * 1.7) * pup_between(rng, -0.6, 0.2);
        actor->liveliness = pup_between(rng, 0.6, 1.2);
    }
}

fal_status pup_scene_make(const pup_options *options, uint64_t recording, const pup_identity *speaker, pup_scene *out,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    pup_scene scene = {.actor_count = (int)options->faces};
    fal_rng rng = pup_rng(recording, "scene", 0);
    FAL_TRY(pup_picture_make(options->width, options->height, &scene.backdrop, err));
    pup_draw_backdrop(&scene.backdrop, recording);
    scene.light = (pup_light){pup_between(&rng, -1, 1), pup_between(&rng, 0.2, 0.9), pup_between(&rng, -1, 1)};
    place_actors(options, &rng, &scene);
    for (int i = 0; i < scene.actor_count; i++) {
        scene.actors[i].motion = recording + (uint64_t)i * 104729u;
        /* Listeners are extras: their looks belong to the recording and are nobody's identity. */
        scene.actors[i].id =
            i == 0 ? *speaker : pup_identity_make(recording * 17u + (uint64_t)i, pup_chance(&rng, 0.5));
    }
    *out = scene;
done:
    return st;
}

void pup_scene_free(pup_scene *scene)
{
    pup_picture_free(&scene->backdrop);
}
