#include "judge/mismatch.h"

#include "core/str.h"
#include "encoder/family.h"
#include "encoder/place.h"

#include <string.h>

static bool same_stem(const char *a, const char *b)
{
    size_t length = fal_weights_stem(a);
    return length == fal_weights_stem(b) && !memcmp(a, b, length);
}

/* `name` is the catalogue's for the model of this file name. */
static bool stands_for(const char *name, const char *other, const fal_encoder_description *encoder)
{
    const fal_model_entry *entry = fal_model_find(name);
    if (!entry || !fal_str_eq(entry->family, encoder->family))
        return false;
    for (size_t i = 0; i < FAL_MODEL_FILES && entry->files[i].name; i++)
        if (same_stem(fal_path_base(entry->files[i].name), other))
            return true;
    return false;
}

static bool same_model(const fal_head_description *head, const fal_encoder_description *encoder)
{
    const char *given = fal_path_base(encoder->origin), *recorded = head->encoder;
    bool only_family = fal_str_eq(recorded, encoder->family) || fal_str_eq(given, encoder->family);
    return only_family || same_stem(recorded, given) || stands_for(recorded, given, encoder) ||
           stands_for(given, recorded, encoder);
}

fal_match fal_mismatch_find(const fal_head_description *head, const fal_encoder_description *encoder)
{
    if (head->family && !fal_str_eq(head->family, encoder->family))
        return FAL_MATCH_OTHER;
    if (head->feature && !fal_str_eq(head->feature, encoder->feature))
        return FAL_MATCH_OTHER;
    if (!head->encoder || same_model(head, encoder))
        return FAL_MATCH_FITS;
    /* A catalogue name that is not this model's: of this family there may be several of one width. */
    if (!head->family || fal_family_find(head->encoder) || fal_model_find(head->encoder))
        return FAL_MATCH_OTHER;
    return FAL_MATCH_RENAMED;
}
