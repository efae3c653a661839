#include "puppet/text.h"

#include "puppet/random.h"

#include <ctype.h>

/* Rich in closures (p b m) and lip-teeth sounds (f v), which tell most about whether lips and sound agree. */
static const char *const nouns[] = {
    "market",  "people",  "garden",  "bottle",  "family", "window", "picture", "mountain", "apple",  "morning",
    "number",  "problem", "village", "table",   "music",  "river",  "farmer",  "paper",    "summer", "bridge",
    "machine", "boat",    "voice",   "kitchen", "moment", "forest", "cable",   "uniform",  "winter", "camera"};
static const char *const verbs[] = {"found",   "moved",  "bought", "remembered", "painted", "followed", "opened",
                                    "watched", "helped", "broke",  "carried",    "missed",  "improved", "shaped",
                                    "served",  "lifted", "passed", "welcomed",   "chose",   "covered"};
static const char *const adjectives[] = {"big",   "happy",   "famous", "blue",  "simple", "very old", "beautiful",
                                         "empty", "purple",  "white",  "five",  "warm",   "public",   "perfect",
                                         "brave", "massive", "calm",   "heavy", "fresh",  "open"};
static const char *const links[] = {"before", "above", "from", "behind", "for", "beside", "without", "near", "after"};
static const char *const openers[] = {"maybe", "but", "of course", "today", "we believe", "every evening", "perhaps"};

#define PICK(rng, list) ((list)[pup_pick(rng, sizeof(list) / sizeof *(list))])

/* "[opener] the ADJ NOUN VERB the [ADJ] NOUN [LINK the NOUN]."; returns the number of words, about. */
static int write_sentence(fal_rng *rng, fal_buf *out)
{
    int words = 6;
    size_t start = out->length;
    if (pup_chance(rng, 0.5)) {
        fal_buf_printf(out, "%s ", PICK(rng, openers));
        words++;
    }
    fal_buf_printf(out, "the %s %s ", PICK(rng, adjectives), PICK(rng, nouns));
    fal_buf_printf(out, "%s the ", PICK(rng, verbs));
    fal_buf_printf(out, "%s", PICK(rng, nouns));
    if (pup_chance(rng, 0.6)) {
        fal_buf_printf(out, " %s the ", PICK(rng, links));
        fal_buf_printf(out, "%s", PICK(rng, nouns));
        words += 3;
    }
    fal_buf_puts(out, ". ");
    if (!out->failed)
        out->data[start] = (char)toupper((unsigned char)out->data[start]);
    return words;
}

void pup_write_text(fal_rng *rng, int words, fal_buf *out)
{
    while (words > 0)
        words -= write_sentence(rng, out);
}

const char *pup_other_word(fal_rng *rng)
{
    switch (pup_pick(rng, 3)) {
    case 0: return PICK(rng, nouns);
    case 1: return PICK(rng, verbs);
    default: return PICK(rng, adjectives);
    }
}
