/* Runs the encoder goldens of one family through the public API, stage by stage. index.json drives it: the copied
 * synthetic cases always, all cases where the reference folder is. For every entry of the family: the file opens, the
 * description names the registry's family, features and hidden states agree, every inner stage the case keeps agrees,
 * and a pass without a stage hook (in blocks) gives the same bytes as one with (in one piece).
 *
 * A family's test file says where its cases keep a stage and what they allow:
 *
 *     static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out) {...}
 *     static const golden_family clip = {.registry = {"clip"}, .find_stage = find_stage};
 *     int main(void) { return golden_main(&clip); } */
#ifndef FAL_TESTS_ENCODER_GOLDEN_RUN_H
#define FAL_TESTS_ENCODER_GOLDEN_RUN_H

#include "core/json.h"
#include "support/golden.h"
#include <falsetto/encoder.h>

enum { GOLDEN_TEXT = 1024, GOLDEN_AXES = 6, GOLDEN_FAMILIES = 4 };

/* One entry of index.json. */
typedef struct golden {
    const char *root; /* folder of index.json */
    const fal_json *entry;
    fal_json *facts;              /* case.json */
    const char *id, *registry;    /* "clip/hf_safetensors", "clip" */
    char folder[GOLDEN_TEXT / 2]; /* of the expected features */
    char stem[64];                /* base name of the expected features without ".npy" */
} golden;

/* What a case keeps of a stage. */
typedef struct golden_stage {
    char path[GOLDEN_TEXT];
    double atol, rtol;
    /* Where the element at index (i0, i1, ...) of the stored array lies in ours: offset + i0 stride[0] + ... floats.
     * Without `strided` both have the same elements in the same order. */
    bool strided;
    int64_t offset, stride[GOLDEN_AXES];
} golden_stage;

typedef struct golden_family {
    const char *registry[GOLDEN_FAMILIES]; /* "registry" of the entries */
    /* Fills `out` (zeroed before) for a stage of the encoder; false: the case does not keep it. */
    bool (*find_stage)(const golden *g, const char *stage, const fal_array *ours, golden_stage *out);
} golden_family;

int golden_main(const golden_family *family);

/* ---- for find_stage ---- */

/* out->path = FOLDER/NAME.npy; false when there is no such file. NAME is formatted. */
bool golden_keeps(const golden *g, golden_stage *out, const char *name, ...) __attribute__((format(printf, 3, 4)));
/* The stored array has our axes in another order: its axis i is our axis order[i]. It may hold fewer along an axis. */
void golden_transposed(golden_stage *out, const fal_array *ours, const int *order);

#endif
