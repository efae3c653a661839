/* wav2vec 2.0, HuBERT and WavLM against the originals, stage by stage. */
#include "golden_run.h"

#include "core/str.h"

#include <string.h>

/* Ours [heads, 2T - 1] by distance, the golden [heads, query i, key j]: entry j - i + T - 1. */
static void spread_distances(const fal_array *ours, golden_stage *out)
{
    int64_t distances = ours->shape[1];
    memcpy(out->stride, (int64_t[]){distances, -1, 1}, 3 * sizeof *out->stride);
    out->offset = (distances - 1) / 2;
    out->strided = true;
}

/* One file and one tolerance per stage, under our names but for WavLM's positions. */
static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out)
{
    const char *name = fal_str_eq(stage, "positions")     ? "position_bias"
                       : fal_str_eq(stage, "layer0_gate") ? "gate0"
                                                          : stage;
    if (!golden_keeps(g, out, "%s", name))
        return false;
    const fal_json *tolerance = fal_json_get(g->facts, "tolerance");
    out->atol = fal_json_real(fal_json_get(fal_json_get(tolerance, "suggested_max_abs"), name), 0);
    out->rtol = fal_json_real(fal_json_get(tolerance, "suggested_rel"), 0);
    if (fal_str_eq(stage, "positions"))
        spread_distances(ours, out);
    return true;
}

static const golden_family speech = {.registry = {"wav2vec2", "hubert", "wavlm"}, .find_stage = find_stage};

int main(void)
{
    return golden_main(&speech);
}
