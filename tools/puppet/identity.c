#include "puppet/identity.h"

#include "puppet/random.h"

#include <math.h>

static const pup_rgb skins[] = {{0.96, 0.80, 0.70}, {0.91, 0.72, 0.59}, {0.84, 0.64, 0.49},
                                {0.74, 0.54, 0.40}, {0.60, 0.42, 0.31}, {0.48, 0.33, 0.25}};
static const pup_rgb hairs[] = {{0.10, 0.08, 0.07}, {0.20, 0.13, 0.09}, {0.34, 0.22, 0.13},
                                {0.52, 0.37, 0.20}, {0.45, 0.20, 0.10}, {0.55, 0.54, 0.53}};
static const pup_rgb irises[] = {{0.22, 0.14, 0.09}, {0.34, 0.22, 0.12}, {0.25, 0.38, 0.50}, {0.30, 0.38, 0.26}};
static const pup_rgb cloths[] = {{0.16, 0.20, 0.30}, {0.45, 0.14, 0.16}, {0.75, 0.75, 0.78}, {0.20, 0.34, 0.28},
                                 {0.30, 0.30, 0.32}, {0.55, 0.45, 0.30}, {0.28, 0.38, 0.58}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

pup_rgb pup_rgb_mix(pup_rgb a, pup_rgb b, double t)
{
    return (pup_rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

pup_rgb pup_rgb_scale(pup_rgb c, double factor)
{
    return (pup_rgb){fmin(c.r * factor, 1), fmin(c.g * factor, 1), fmin(c.b * factor, 1)};
}

static void choose_colours(pup_identity *id, fal_rng *rng)
{
    size_t tone = pup_pick(rng, COUNT(skins) - 1);
    id->skin = pup_rgb_mix(skins[tone], skins[tone + 1], fal_rng_uniform(rng));
    /* Dark skin comes with dark hair and eyes in this model. */
    id->hair = hairs[pup_pick(rng, tone >= 3 ? 2 : COUNT(hairs))];
    id->iris = irises[pup_pick(rng, tone >= 3 ? 2 : COUNT(irises))];
    pup_rgb red = {id->skin.r * 0.82, id->skin.g * 0.42, id->skin.b * 0.48};
    id->lip = pup_rgb_mix(id->skin, red, pup_between(rng, 0.5, 0.9));
    id->cloth = pup_rgb_scale(cloths[pup_pick(rng, COUNT(cloths))], pup_between(rng, 0.8, 1.2));
}

static void choose_proportions(pup_identity *id, fal_rng *rng, bool female)
{
    id->width = pup_between(rng, 0.95, 1.05);
    id->jaw = pup_between(rng, female ? 0.62 : 0.68, female ? 0.72 : 0.80);
    id->chin = pup_between(rng, 1.32, female ? 1.42 : 1.48);
    id->eye_x = pup_between(rng, 0.41, 0.46);
    id->eye_y = pup_between(rng, -0.20, -0.13);
    id->eye_width = pup_between(rng, 0.19, 0.225);
    id->eye_height = pup_between(rng, 0.075, 0.10);
    id->brow_y = id->eye_y - pup_between(rng, 0.22, 0.28);
    id->brow_thick = pup_between(rng, 0.035, female ? 0.05 : 0.07);
    id->brow_tilt = pup_between(rng, -0.03, 0.05);
    id->nose_y = pup_between(rng, 0.36, 0.44);
    id->nose_width = pup_between(rng, 0.19, 0.25);
    id->mouth_y = id->nose_y + pup_between(rng, 0.37, 0.43);
    id->mouth_width = pup_between(rng, 0.36, 0.43);
    id->lip_full = pup_between(rng, female ? 0.95 : 0.7, female ? 1.3 : 1.1);
    id->shoulder = pup_between(rng, female ? 1.9 : 2.2, female ? 2.2 : 2.6);
}

static void choose_style(pup_identity *id, fal_rng *rng, bool female)
{
    static const pup_hair hers[] = {PUP_HAIR_LONG, PUP_HAIR_LONG, PUP_HAIR_PARTED, PUP_HAIR_CURLY};
    static const pup_hair his[] = {PUP_HAIR_SHORT, PUP_HAIR_SHORT, PUP_HAIR_PARTED, PUP_HAIR_RECEDING, PUP_HAIR_CURLY};
    id->hair_style = female ? hers[pup_pick(rng, COUNT(hers))] : his[pup_pick(rng, COUNT(his))];
    id->hairline = pup_between(rng, -1.02, -0.9) - (id->hair_style == PUP_HAIR_RECEDING ? 0.18 : 0);
    id->hair_volume = pup_between(rng, 0.06, 0.16);
    id->beard = !female && pup_chance(rng, 0.4) ? pup_between(rng, 0.2, 0.8) : 0;
    id->glasses = pup_chance(rng, 0.18);
    id->lines = pup_between(rng, 0.1, 0.9);
    for (int i = 0; i < PUP_BLEMISHES; i++) {
        id->blemishes[i].x = pup_between(rng, -0.8, 0.8);
        id->blemishes[i].y = pup_between(rng, -0.8, 1.0);
        id->blemishes[i].size = pup_between(rng, 0.03, 0.2);
        id->blemishes[i].tone = pup_between(rng, -1, 0.6);
    }
}

pup_identity pup_identity_make(uint64_t seed, bool female)
{
    pup_identity id = {0};
    fal_rng rng = pup_rng(seed, "look", female);
    choose_colours(&id, &rng);
    choose_proportions(&id, &rng, female);
    choose_style(&id, &rng, female);
    return id;
}
