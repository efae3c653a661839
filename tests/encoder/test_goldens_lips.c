/* BRAVEn, RAVEn and Auto-AVSR against the originals, stage by stage. */
#include "golden_run.h"

#include "core/str.h"

#include <stdio.h>
#include <string.h>

/* Names of our stages that the cases give another one. */
static const char *kept_name(const golden *g, const char *stage)
{
    static const char *const names[][2] = {
        {"positions", "pos_emb"},
        {"layer0_attn_norm", "l0_norm_mha"},
        {"layer0_conv_norm", "l0_norm_conv"},
    };
    /* BRAVEn's cases keep it without the layer scale that is folded into ours. */
    if (fal_str_eq(stage, "layer0_attn") && fal_str_eq(g->registry, "auto-avsr"))
        return "l0_attn_out";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fal_str_eq(stage, names[i][0]))
            return names[i][1];
    return stage;
}

/* Both halves of an audio-visual model show a table of positions, as wide as the half. */
static const char *half_of(const golden *g, const char *stage, const fal_array *ours)
{
    const fal_json *aux = fal_json_get(fal_json_get(g->facts, "config"), "aux_adim");
    if (!aux || !fal_str_eq(stage, "positions"))
        return "";
    return ours->shape[1] == fal_json_int(aux, 0) ? "audio_" : "video_";
}

/* In cases of one stream the names do not say which. */
static const char *without_stream(const char *stage)
{
    bool of_stream = fal_str_starts(stage, "audio_") || fal_str_starts(stage, "video_");
    return of_stream ? stage + strlen("audio_") : stage;
}

/* "suggested_atol" of the file in case.json. */
static double tolerance_of(const golden *g, const char *file)
{
    const fal_json *files = fal_json_get(g->facts, "files");
    for (size_t i = 0; i < fal_json_count(files); i++) {
        const fal_json *one = fal_json_at(files, i);
        if (fal_str_eq(fal_json_string(fal_json_get(one, "file"), ""), file))
            return fal_json_real(fal_json_get(one, "suggested_atol"), 0);
    }
    return 0;
}

/* Our arrays have channels last. The originals: stem [1,C,T,y,x] or [1,C,n], trunk [T,C,y,x] or [1,C,n]. */
static void set_order(const char *stage, const fal_array *ours, golden_stage *out)
{
    const int64_t *n = ours->shape;
    bool stem = fal_str_ends(stage, "stem");
    if (!stem && !strstr(stage, "trunk_layer"))
        return;
    int64_t frame = n[1] * n[2] * n[3], row = n[2] * n[3];
    int64_t of_audio[] = {0, 1, n[1]}, of_stem[] = {0, 1, frame, row, n[3]}, of_trunk[] = {frame, 1, row, n[3]};
    out->strided = true;
    if (ours->rank == 2)
        memcpy(out->stride, of_audio, sizeof of_audio);
    else if (stem)
        memcpy(out->stride, of_stem, sizeof of_stem);
    else
        memcpy(out->stride, of_trunk, sizeof of_trunk);
}

static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out)
{
    int run = (int)strcspn(g->stem, "_"); /* "r0_encoder_out" */
    const char *half = half_of(g, stage, ours), *name = kept_name(g, stage);
    if (!golden_keeps(g, out, "%.*s_%s%s", run, g->stem, half, name) &&
        !golden_keeps(g, out, "%.*s_%s", run, g->stem, without_stream(name)))
        return false;
    out->atol = tolerance_of(g, fal_path_base(out->path));
    out->rtol = 1e-5; /* case.json, "tolerance_rule" */
    set_order(stage, ours, out);
    return true;
}

static const golden_family lips = {.registry = {"braven", "auto-avsr"}, .find_stage = find_stage};

int main(void)
{
    return golden_main(&lips);
}
