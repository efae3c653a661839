/* wav2vec 2.0 against the original, stage by stage. */
#include "golden_run.h"

/* One file and one tolerance per stage, under our names. */
static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out)
{
    (void)ours;
    if (!golden_keeps(g, out, "%s", stage))
        return false;
    const fal_json *tolerance = fal_json_get(g->facts, "tolerance");
    out->atol = fal_json_real(fal_json_get(fal_json_get(tolerance, "suggested_max_abs"), stage), 0);
    out->rtol = fal_json_real(fal_json_get(tolerance, "suggested_rel"), 0);
    return true;
}

static const golden_family wav2vec2 = {.registry = {"wav2vec2"}, .find_stage = find_stage};

int main(void)
{
    return golden_main(&wav2vec2);
}
