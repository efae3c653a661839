/* AV-HuBERT against the original, stage by stage. */
#include "golden_run.h"

#include "core/str.h"

#include <stdio.h>
#include <string.h>

/* Our arrays have channels last; the originals [C,T,y,x], [T,C,y,x] and [D,T]. */
static void set_order(const char *stage, const fal_array *ours, golden_stage *out)
{
    if (fal_str_eq(stage, "video_frontend3d"))
        golden_transposed(out, ours, (int[]){3, 0, 1, 2});
    else if (fal_str_eq(stage, "video_trunk_layer4"))
        golden_transposed(out, ours, (int[]){0, 3, 1, 2});
    else if (fal_str_eq(stage, "audio_feat") || fal_str_eq(stage, "video_feat") || fal_str_eq(stage, "video_resnet"))
        golden_transposed(out, ours, (int[]){1, 0});
}

/* The stream stands before the name: "av_pos_conv"; the features are "av_final". Stages of one stream's own front end
 * carry it in our name too, and the golden of the joint stream has them not again. */
static bool find_stage(const golden *g, const char *stage, const fal_array *ours, golden_stage *out)
{
    int stream_length = (int)(strlen(g->stem) - strlen("_final"));
    bool own = strncmp(stage, g->stem, (size_t)stream_length + 1) == 0;
    if (!golden_keeps(g, out, "%.*s%s%s", own ? 0 : stream_length, g->stem, own ? "" : "_", stage))
        return false;
    const fal_json *tolerance = fal_json_get(g->facts, "tolerance");
    out->atol = fal_json_real(fal_json_get(fal_json_get(tolerance, fal_path_base(out->path)), "max_abs"), 0);
    set_order(stage, ours, out);
    return true;
}

static const golden_family avhubert = {.registry = {"avhubert"}, .find_stage = find_stage};

int main(void)
{
    return golden_main(&avhubert);
}
