/* CLIP, VideoMAE and FSFM against the originals, stage by stage. */
#include "golden_run.h"

#include "core/str.h"

/* Our names for what happens in the first layer, and the cases'. Two spellings of the norm: CLIP's, and the others'. */
static const struct {
    const char *ours, *cases[2];
} names[] = {
    {"layer0_attn_norm", {"block_0_ln_1", "block_0_norm1"}},
    {"layer0_attn", {"block_0_attn_out"}},
    {"layer0_ffn_act", {"block_0_mlp_act"}},
};

static const char *kept_name(const golden *g, const char *stage, golden_stage *out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int spelling = 0; spelling < 2 && fal_str_eq(stage, names[i].ours); spelling++)
            if (names[i].cases[spelling] && golden_keeps(g, out, "%s", names[i].cases[spelling]))
                return names[i].cases[spelling];
    return golden_keeps(g, out, "%s", stage) ? stage : NULL;
}

/* case.json lists what it keeps as outputs and intermediates. The activations inside the feed-forward are those of the
 * first picture, or of some tokens: stored [1, rows, F], the first rows of ours. */
static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out)
{
    const char *name = kept_name(g, stage, out);
    if (!name)
        return false;
    const fal_json *fact = fal_json_get(fal_json_get(g->facts, "intermediates"), name);
    if (!fact)
        fact = fal_json_get(fal_json_get(g->facts, "outputs"), name);
    out->atol = fal_json_real(fal_json_get(fact, "suggested_max_abs_tol"), 0);
    if (fal_str_eq(stage, "layer0_ffn_act")) {
        out->strided = true;
        out->stride[1] = ours->shape[1];
        out->stride[2] = 1;
    }
    return true;
}

static const golden_family vit = {.registry = {"clip", "videomae", "fsfm"}, .find_stage = find_stage};

int main(void)
{
    return golden_main(&vit);
}
