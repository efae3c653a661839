#include "puppet/cast.h"

#include "core/alloc.h"
#include "puppet/encode.h"
#include "puppet/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct variant {
    const char *name; /* of espeak-ng's voices/!v */
    bool female;
} variant;

/* The variants that sound like a person; whispering, croaking and robot ones are left out. */
static const variant variants[] = {
    {"m1", false},    {"m2", false},     {"m3", false},       {"m4", false},     {"m5", false},    {"m6", false},
    {"m7", false},    {"m8", false},     {"f1", true},        {"f2", true},      {"f3", true},     {"f4", true},
    {"f5", true},     {"Alex", false},   {"Alicia", true},    {"Andrea", true},  {"Andy", false},  {"Annie", true},
    {"Denis", false}, {"Diogo", false},  {"Gene", false},     {"Hugo", false},   {"Jacky", false}, {"Lee", false},
    {"Marco", false}, {"Mario", false},  {"Michael", false},  {"Mike", false},   {"adam", false},  {"anika", true},
    {"aunty", true},  {"belinda", true}, {"benjamin", false}, {"boris", false},  {"caleb", false}, {"david", false},
    {"linda", true},  {"steph", true},   {"steph2", true},    {"edward", false}, {"max", false},   {"paul", false},
    {"rob", false},   {"steph3", true},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* One split's share of everything. Ranges are half-open. */
typedef struct quota {
    int clips, fakes;
    int first_fake; /* number of fakes in the splits before */
    int first_identity, identities;
    size_t first_variant, variants; /* in the shuffled order */
} quota;

/* Cuts 0..total into pieces in proportion to the shares; `upto` pieces lie before the returned end. */
static int64_t cut(const pup_options *options, int upto, int64_t total)
{
    double share = 0;
    for (int i = 0; i < upto; i++)
        share += options->splits[i].share;
    return upto == options->split_count ? total : llround(share * (double)total);
}

static void plan_quotas(const pup_options *options, quota *quotas)
{
    int identities = 0;
    int64_t fakes_total = llround(options->fake_fraction * (double)options->clips);
    /* Every split gets two variants for its own, what remains is shared out in proportion. */
    int64_t spare = VARIANTS - 2 * options->split_count;
    for (int s = 0; s < options->split_count; s++) {
        quota *q = &quotas[s];
        q->clips = (int)(cut(options, s + 1, options->clips) - cut(options, s, options->clips));
        q->fakes = (int)(cut(options, s + 1, fakes_total) - cut(options, s, fakes_total));
        if (q->fakes > q->clips)
            q->fakes = q->clips;
        q->first_fake = s > 0 ? quotas[s - 1].first_fake + quotas[s - 1].fakes : 0;
        q->first_identity = identities;
        q->identities = q->clips / 4 > 2 ? q->clips / 4 : 2; /* two at least: a stranger is needed */
        identities += q->identities;
        q->first_variant = (size_t)(2 * s + cut(options, s, spare));
        q->variants = (size_t)(2 * (s + 1) + cut(options, s + 1, spare)) - q->first_variant;
    }
}

static pup_person make_person(const pup_options *options, const size_t *order, const quota *q, int identity)
{
    static const char *const accents[] = {"en-us", "en", "en-gb-x-rp", "en-gb-scotland"};
    fal_rng rng = pup_rng(options->seed, "person", (uint64_t)identity);
    size_t turn = (size_t)(identity - q->first_identity) % q->variants;
    const variant *v = &variants[order[q->first_variant + turn]];
    pup_person person = {.look = options->seed * 1000003u + (uint64_t)identity, .female = v->female};
    snprintf(person.voice.name, sizeof person.voice.name, "%s+%s",
             accents[pup_pick(&rng, sizeof accents / sizeof *accents)], v->name);
    person.voice.rate_wpm = (int)pup_between(&rng, 140, 185);
    person.voice.pitch = (int)(v->female ? pup_between(&rng, 45, 70) : pup_between(&rng, 28, 55));
    person.voice.range = (int)pup_between(&rng, 35, 65);
    return person;
}

/* A person of the same split and, where there is one, the same sex. */
static pup_person pick_stranger(const pup_options *options, const size_t *order, const quota *q, const pup_clip *clip)
{
    fal_rng rng = pup_rng(clip->forgery, "stranger", 0);
    size_t offset = pup_pick(&rng, (size_t)q->identities - 1);
    pup_person stranger = {0};
    for (int i = 0; i < q->identities - 1; i++) {
        int own = clip->identity - q->first_identity;
        int other = (own + 1 + (int)((offset + (size_t)i) % (size_t)(q->identities - 1))) % q->identities;
        stranger = make_person(options, order, q, q->first_identity + other);
        if (stranger.female == clip->speaker.female)
            break;
    }
    return stranger;
}

static void plan_clip(const pup_options *options, const size_t *order, const quota *q, int n, pup_clip *clip)
{
    int reals = q->clips - q->fakes;
    bool real = n < reals;
    int fake = n - reals, bases = reals > 0 ? reals : q->fakes;
    int recording = real ? n : fake % bases, round = real ? 0 : fake / bases;
    const char *extension = pup_codec_extension(options->codec);
    clip->identity = q->first_identity + recording % q->identities;
    clip->recording = options->seed * 7919u + (uint64_t)clip->split * 1000000u + (uint64_t)recording;
    clip->speaker = make_person(options, order, q, clip->identity);
    char folder[48];
    snprintf(folder, sizeof folder, "id%04d/rec%04d", clip->identity, recording);
    if (real) {
        snprintf(clip->path, sizeof clip->path, "%s/real.%s", folder, extension);
        return;
    }
    clip->method = options->methods[(q->first_fake + fake) % options->method_count];
    clip->forgery = clip->recording * 31u + (uint64_t)round + 1;
    clip->stranger = pick_stranger(options, order, q, clip);
    char suffix[16] = "";
    if (round > 0)
        snprintf(suffix, sizeof suffix, "_%d", round + 1);
    snprintf(clip->path, sizeof clip->path, "%s/fake_%s%s.%s", folder, pup_method_get(clip->method)->name, suffix,
             extension);
    if (reals > 0)
        snprintf(clip->original, sizeof clip->original, "%s/real.%s", folder, extension);
}

fal_status pup_cast(const pup_options *options, pup_clip **out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_clip *clips;
    quota quotas[PUP_MAX_SPLITS];
    size_t order[VARIANTS];
    FAL_ALLOC(clips, fal_calloc((size_t)options->clips, sizeof *clips));
    for (size_t i = 0; i < VARIANTS; i++)
        order[i] = i;
    fal_rng rng = pup_rng(options->seed, "variants", 0);
    fal_rng_shuffle(&rng, order, VARIANTS);
    plan_quotas(options, quotas);
    pup_clip *clip = clips;
    for (int s = 0; s < options->split_count; s++)
        for (int n = 0; n < quotas[s].clips; n++, clip++) {
            clip->split = s;
            plan_clip(options, order, &quotas[s], n, clip);
            bool eligible = (clip->method == PUP_REAL) == options->silence_on_real;
            fal_rng silence = pup_rng(clip->recording + clip->forgery, "silence", 0);
            clip->leading_silence = eligible && pup_chance(&silence, options->leading_silence);
        }
    *out = clips;
done:
    return st;
}
