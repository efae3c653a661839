#include "judge/part_name.h"

#include "core/str.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LAYER = 100000 };

static const struct {
    const char *key;
    fal_stream stream;
} keys[] = {
    {"audio", FAL_STREAM_AUDIO},   {"visual", FAL_STREAM_VIDEO}, {"video", FAL_STREAM_VIDEO},
    {"multimodal", FAL_STREAM_AV}, {"arr_0", (fal_stream)0},
};

static bool parse_layer(const char *text, int *layer)
{
    char *end;
    if (!fal_str_starts(text, "hidden_") || text[7] < '0' || text[7] > '9')
        return false;
    long k = strtol(text + 7, &end, 10);
    *layer = (int)k;
    return !*end && k <= MAX_LAYER;
}

bool fal_part_name_parse(const char *name, fal_part_name *out)
{
    fal_part_name part = {.layer = FAL_PART_FEATURES};
    bool known = !name || parse_layer(name, &part.layer);
    for (size_t i = 0; !known && i < sizeof keys / sizeof *keys; i++) {
        size_t length = strlen(keys[i].key);
        if (!fal_str_starts(name, keys[i].key))
            continue;
        part.stream = keys[i].stream;
        known = !name[length] || (part.stream && name[length] == '_' && parse_layer(name + length + 1, &part.layer));
    }
    if (known)
        *out = part;
    return known;
}
