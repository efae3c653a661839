#include "perturb/recipes.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"

#include <string.h>

/* One row is one perturbation. In the texts {} stands for the severity. Noise and random drops draw from FFmpeg's own
 * generators with fixed seeds. */
typedef struct recipe_row {
    const char *name, *what, *unit;
    double severities[FAL_PERTURBATION_SEVERITIES + 1]; /* a zero ends them */
    fal_recipe recipe;
} recipe_row;

static const recipe_row rows[] = {
    {.name = "h264",
     .what = "encoded anew with H.264",
     .unit = "CRF",
     .severities = {23, 28, 34, 40, 46},
     .recipe.picture = {.encoder = "libx264", .options = "crf={}:preset=veryfast", .keep_size = true}},
    {.name = "hevc",
     .what = "encoded anew with HEVC",
     .unit = "CRF",
     .severities = {28, 34, 40, 46},
     .recipe.picture = {.encoder = "libx265",
                        .options = "crf={}:preset=veryfast:x265-params='log-level=none:pools=none:frame-threads=1'",
                        .keep_size = true}},
    {.name = "messenger",
     .what = "shorter side scaled down, H.264 at CRF 32, mono AAC at 32 kbit/s",
     .unit = "pixels",
     .severities = {480, 360, 240},
     .recipe = {.picture = {.filter = "scale=w='if(gt(iw,ih),-2,2*trunc(min(iw,{})/2))':"
                                      "h='if(gt(iw,ih),2*trunc(min(ih,{})/2),-2)'",
                            .encoder = "libx264",
                            .options = "crf=32:preset=veryfast"},
                .sound = {.filter = "aformat=channel_layouts=mono", .encoder = "aac", .options = "b=32000"}}},
    {.name = "noise",
     .what = "camera noise",
     .unit = "strength",
     .severities = {5, 10, 20, 40},
     .recipe.picture = {.filter = "noise=alls={}:allf=t:all_seed=1", .keep_size = true}},
    {.name = "blur",
     .what = "Gaussian blur",
     .unit = "sigma",
     .severities = {1, 2, 4, 8},
     .recipe.picture = {.filter = "gblur=sigma={}", .keep_size = true}},
    {.name = "resize",
     .what = "scaled down and up again",
     .unit = "times",
     .severities = {1.5, 2, 4, 8},
     .recipe.picture = {.filter = "scale=w='max(2,trunc(iw/{}))':h='max(2,trunc(ih/{}))'", .keep_size = true}},
    {.name = "gamma",
     .what = "brightness curve",
     .unit = "gamma",
     .severities = {0.8, 1.25, 0.6, 1.7},
     .recipe.picture = {.filter = "lutyuv=y=gammaval({})", .keep_size = true}},
    {.name = "frame-drop",
     .what = "frames missing at random",
     .unit = "%",
     .severities = {10, 25, 50},
     .recipe.picture = {.filter = "select='eq(n,0)+gte(100*random(1),{})'", .keep_size = true}},
    {.name = "aac",
     .what = "encoded anew with AAC",
     .unit = "kbit/s",
     .severities = {96, 64, 32, 16},
     .recipe.sound = {.encoder = "aac", .options = "b={}000"}},
    {.name = "mp3",
     .what = "encoded anew with MP3",
     .unit = "kbit/s",
     .severities = {128, 64, 32},
     .recipe.sound = {.encoder = "libmp3lame", .options = "b={}000"}},
    {.name = "opus",
     .what = "encoded anew with Opus",
     .unit = "kbit/s",
     .severities = {48, 24, 12, 6},
     .recipe.sound = {.filter = "aformat=channel_layouts=mono", .encoder = "libopus", .options = "b={}000"}},
    {.name = "telephone",
     .what = "8 kHz, 300 Hz to the severity, G.711",
     .unit = "Hz",
     .severities = {3400, 2700, 2000},
     .recipe.sound = {.filter = "aformat=channel_layouts=mono,highpass=f=300,lowpass=f={},aresample=8000",
                      .encoder = "pcm_mulaw"}},
    {.name = "hiss",
     .what = "white noise",
     .unit = "dBFS",
     .severities = {-60, -50, -40, -30},
     /* Uniform in [-a, a) has the effective value a / sqrt(3). */
     .recipe.sound = {.filter = "aformat=sample_fmts=fltp,"
                                "aeval=exprs='val(ch)+pow(10,({})/20)*sqrt(3)*(2*random(0)-1)':c=same"}},
    {.name = "leading-silence",
     .what = "sound muted at the start",
     .unit = "ms",
     .severities = {40, 100, 300},
     .recipe.sound = {.filter = "aformat=sample_fmts=fltp,aeval=exprs='val(ch)*gte(t,{}/1000)':c=same"}},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- asking ---- */

static bool changes(const fal_stream_recipe *recipe)
{
    return recipe->filter || recipe->encoder;
}

static const char *missing_encoder(const fal_recipe *recipe)
{
    const char *picture = recipe->picture.encoder, *sound = recipe->sound.encoder;
    if (picture && !fal_has_encoder(picture))
        return picture;
    return sound && !fal_has_encoder(sound) ? sound : NULL;
}

size_t fal_perturbation_count(void)
{
    return ROWS;
}

fal_perturbation fal_perturbation_at(size_t index)
{
    const recipe_row *row = &rows[index];
    fal_perturbation p = {.name = row->name,
                          .what = row->what,
                          .unit = row->unit,
                          .picture = changes(&row->recipe.picture),
                          .sound = changes(&row->recipe.sound),
                          .missing = missing_encoder(&row->recipe)};
    while (row->severities[p.severity_count] != 0) {
        p.severities[p.severity_count] = row->severities[p.severity_count];
        p.severity_count++;
    }
    return p;
}

fal_status fal_perturbation_find(const char *name, size_t *index, fal_error *err)
{
    fal_buf all = {0};
    for (size_t i = 0; i < ROWS; i++) {
        fal_buf_printf(&all, "%s%s", i ? ", " : "", rows[i].name);
        if (fal_str_eq(rows[i].name, name)) {
            *index = i;
            fal_buf_free(&all);
            return FAL_OK;
        }
    }
    fal_status st =
        fal_fail(err, FAL_ERR_NOT_FOUND, "there is no perturbation '%s'; there are %s", name, all.data ? all.data : "");
    fal_buf_free(&all);
    return st;
}

/* ---- doing ---- */

/* `text` with every {} replaced by the severity; NULL stays NULL. */
static fal_status fill_in(const char *text, double severity, fal_buf *storage, const char **out, fal_error *err)
{
    char number[32];
    size_t length;
    fal_format_double(number, severity);
    *out = NULL;
    if (!text)
        return FAL_OK;
    for (const char *hole; (hole = strstr(text, "{}")); text = hole + 2) {
        length = (size_t)(hole - text);
        fal_buf_append(storage, text, length);
        fal_buf_puts(storage, number);
    }
    fal_buf_puts(storage, text);
    if (storage->failed)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory for a recipe");
    *out = storage->data;
    return FAL_OK;
}

static fal_status check_streams(const char *from, const recipe_row *row, fal_error *err)
{
    fal_media_info info;
    fal_status st = fal_media_probe(from, &info, err);
    if (st != FAL_OK)
        return st;
    bool some =
        (changes(&row->recipe.picture) && info.video.present) || (changes(&row->recipe.sound) && info.audio.present);
    return some ? FAL_OK
                : fal_fail(err, FAL_ERR_NOT_FOUND, "%s: has no %s for '%s' to change", from,
                           changes(&row->recipe.picture) ? "pictures" : "sound", row->name);
}

fal_status fal_perturb_into(const char *from, size_t index, double severity, const char *to,
                            const volatile sig_atomic_t *cancel, fal_error *err)
{
    fal_status st = FAL_OK;
    const recipe_row *row = &rows[index];
    fal_recipe recipe = row->recipe;
    enum { TEXTS = 4 };
    fal_buf storage[TEXTS] = {0};
    const char **texts[TEXTS] = {&recipe.picture.filter, &recipe.picture.options, &recipe.sound.filter,
                                 &recipe.sound.options};
    FAL_TRY(check_streams(from, row, err));
    for (int i = 0; i < TEXTS; i++)
        FAL_TRY(fill_in(*texts[i], severity, &storage[i], texts[i], err));
    FAL_TRY(fal_transcode(from, to, &recipe, cancel, err));
done:
    for (int i = 0; i < TEXTS; i++)
        fal_buf_free(&storage[i]);
    return st;
}

static bool has_severity(const fal_perturbation *p, double severity)
{
    for (size_t i = 0; i < p->severity_count; i++)
        if (p->severities[i] == severity)
            return true;
    return false;
}

fal_status fal_perturb_clip(const char *from, const char *name, double severity, const char *to, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    size_t index;
    FAL_TRY(fal_perturbation_find(name, &index, err));
    fal_perturbation p = fal_perturbation_at(index);
    if (!has_severity(&p, severity))
        FAL_FAIL(FAL_ERR_ARGUMENT, "perturbation '%s' has no severity %g %s", name, severity, p.unit);
    FAL_TRY(fal_atomic_open(to, &file, err));
    FAL_TRY(fal_perturb_into(from, index, severity, fal_atomic_temp_path(file), NULL, err));
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    fal_atomic_abort(&file);
    return st;
}
