#include "cli.h"
#include "clips.h"
#include "members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct detect {
    cli_common common;
    cli_members members;
    bool json;
    const char *plot, *plot_folder;
    fal_clip_choices choices;
} detect;

/* ---- one readable result ---- */

/* Frame logits as a line of blocks, eight heights from the lowest to the highest. */
static void print_sparkline(const fal_opinion *o)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { COLUMNS = 60 };
    float low = INFINITY, high = -INFINITY;
    int64_t columns = o->frames < COLUMNS ? o->frames : COLUMNS;
    for (int64_t t = 0; t < o->frames; t++) {
        low = fminf(low, o->frame_logits[t]);
        high = fmaxf(high, o->frame_logits[t]);
    }
    fputs("      ", stdout);
    for (int64_t c = 0; c < columns; c++) {
        float top = -INFINITY;
        for (int64_t t = c * o->frames / columns; t < (c + 1) * o->frames / columns; t++)
            top = fmaxf(top, o->frame_logits[t]);
        int level = high > low ? (int)(7.999f * (top - low) / (high - low)) : 0;
        fputs(blocks[level < 0 ? 0 : level], stdout);
    }
    printf("  %.2f..%.2f\n", (double)low, (double)high);
}

static void print_opinion(const fal_opinion *o)
{
    printf("  %s:%s  ", o->encoder, fal_stream_name(o->stream));
    if (!o->frames) {
        puts("no input for this stream");
        return;
    }
    printf("P(fake) %.2f  logit %.3f  say %.0f%%  %lld frames%s%s\n", o->p_fake, o->clip_logit, 100 * o->say,
           (long long)o->frames, o->calibrated ? "" : ", uncalibrated", o->usable ? "" : ", left out");
    print_sparkline(o);
}

static void print_reason(const fal_reason *r)
{
    static const char marks[] = {
        [FAL_SEVERITY_NOTE] = '-', [FAL_SEVERITY_WARNING] = '!', [FAL_SEVERITY_BLOCKING] = 'x'};
    printf("  %c %s: %s\n", marks[r->severity], r->code, r->text);
}

static void print_judgement(const fal_judgement *j)
{
    printf("%s: %s", j->path, fal_verdict_name(j->verdict));
    if (j->verdict != FAL_VERDICT_CANNOT_JUDGE)
        printf("  P(fake) %.2f  clip logit %.3f", j->p_fake, j->clip_logit);
    printf("  (%.2f s)\n", j->duration_s);
    for (size_t i = 0; i < j->opinion_count; i++)
        print_opinion(&j->opinions[i]);
    for (size_t i = 0; i < j->range_count; i++)
        printf("%s%.2f-%.2f s (peak %.2f at %.2f s)%s", i ? ", " : "  strongest: ", j->ranges[i].start_s,
               j->ranges[i].end_s, j->ranges[i].peak_logit, j->ranges[i].peak_s, i + 1 == j->range_count ? "\n" : "");
    for (size_t i = 0; i < j->reason_count; i++)
        print_reason(&j->reasons[i]);
}

/* ---- one clip ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Clips of different folders may share a name: the second one's picture is called NAME-2.svg, and so on. */
static fal_status write_plot(const detect *d, const cli_clips *clips, size_t index, const fal_judgement *j,
                             fal_error *err)
{
    char path[4096];
    const char *name = base_name(clips->paths[index]);
    size_t same = 1;
    if (d->plot)
        return fal_judgement_draw(j, d->plot, err);
    for (size_t i = 0; i < index; i++)
        same += !strcmp(base_name(clips->paths[i]), name);
    if (same > 1)
        snprintf(path, sizeof path, "%s/%s-%zu.svg", d->plot_folder, name, same);
    else
        snprintf(path, sizeof path, "%s/%s.svg", d->plot_folder, name);
    return fal_judgement_draw(j, path, err);
}

static fal_status print_json(const fal_judgement *j, bool one_line, fal_error *err)
{
    char *json = NULL;
    fal_status st = fal_judgement_json(j, one_line, &json, err);
    if (st == FAL_OK)
        puts(json);
    fal_text_free(&json);
    return st;
}

static int judge_clip(const detect *d, fal_judge *judge, const cli_clips *clips, size_t index)
{
    fal_error err;
    fal_judgement *j = NULL;
    fal_status st = fal_judge_clip(judge, clips->paths[index], &d->choices, &j, &err);
    cli_progress_done();
    if (st == FAL_OK && d->json)
        st = print_json(j, clips->count > 1, &err);
    else if (st == FAL_OK)
        print_judgement(j);
    if (st == FAL_OK && (d->plot || d->plot_folder))
        st = write_plot(d, clips, index, j, &err);
    fal_judgement_free(&j);
    fflush(stdout);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

static int judge_all(const detect *d, const cli_clips *clips)
{
    fal_error err;
    fal_judge *judge = NULL;
    int code = EXIT_DONE;
    fal_judge_options options = {.members = d->members.items,
                                 .member_count = d->members.count,
                                 .numbers = cli_numbers(&d->common),
                                 .threads = d->common.threads,
                                 .log = &d->common.log};
    if (fal_judge_open(&options, &judge, &err) != FAL_OK)
        return cli_fail(&err);
    for (size_t i = 0; i < clips->count && !cli_stopped(); i++) {
        int one = judge_clip(d, judge, clips, i);
        code = one != EXIT_DONE ? one : code; /* a damaged clip does not stop the others */
    }
    fal_judge_free(&judge);
    return cli_stopped() ? EXIT_STOPPED : code;
}

/* ---- the command line ---- */

static int gather_clips(cli_clips *clips, char **argv, int count)
{
    for (int i = 0; i < count; i++) {
        int code = cli_clips_add(clips, argv[i]);
        if (code)
            return code;
    }
    return -1;
}

static int detect_clips(detect *d, const cli_usage *usage, char **argv, int count)
{
    cli_clips clips = {0};
    int code = gather_clips(&clips, argv, count);
    if (code < 0 && d->plot && clips.count > 1)
        code = cli_misuse(usage, "--plot draws one clip; use --plots DIR for %zu", clips.count);
    if (code < 0)
        code = judge_all(d, &clips);
    cli_clips_free(&clips);
    return code;
}

static int run(int argc, char **argv)
{
    int positional, code;
    detect *d = calloc(1, sizeof *d);
    if (!d)
        return EXIT_INPUT;
    const cli_option options[] = {
        CLI_MEMBER_OPTIONS(d->members),
        {"json", 0, CLI_FLAG, &d->json, NULL, "frame scores and all facts; one line per clip when there are several"},
        {"plot", 0, CLI_TEXT, &d->plot, "FILE", "draw the timeline (.svg, .pdf, .png)"},
        {"plots", 0, CLI_TEXT, &d->plot_folder, "DIR", "one SVG timeline per clip"},
        {"face", 0, CLI_INT, &d->choices.face, "N", "judge the N-th face (default: the most persistent)"},
        {"exact-preprocessing", 0, CLI_FLAG, &d->choices.exact_preprocessing, NULL,
         "follow the official scripts to the letter (slow)"},
        {"trim-silence", 0, CLI_FLAG, &d->choices.trim_silence, NULL, "drop leading silence as AVH-Align does"},
        CLI_ALIGNMENT_OPTION(d->common),
        CLI_PRECISION_OPTION(d->common),
        CLI_COMMON_OPTIONS(d->common),
    };
    const cli_usage usage = {
        "detect",
        "CLIP...",
        "Judges clips: REAL, FAKE, SUSPICIOUS or CANNOT JUDGE, with P(fake), time ranges and reasons. CLIP is a\n"
        "file, a folder, or - for a list on stdin. Several encoders with their probes are fused by the mean of\n"
        "their P(fake). Without --encoder and --probe the built-in demonstration detector runs.",
        "  falsetto detect clip.mp4 -e self_large_vox_433h.pt -p model-epoch=18.ckpt --plot timeline.svg\n"
        "  falsetto detect clip.mp4 -e clip -p clip.safetensors -e braven.pth:video -p braven.safetensors",
        options,
        sizeof options / sizeof *options};
    code = cli_parse(&usage, argc, argv, &positional);
    if (code < 0 && !positional)
        code = cli_misuse(&usage, "no clip given");
    if (code < 0)
        code = cli_pair_members(&d->members, &usage);
    if (code < 0) {
        cli_begin(&d->common);
        d->choices.progress = &d->common.progress;
        d->choices.mouth_alignment = (fal_mouth_alignment)d->common.mouth_alignment;
        code = detect_clips(d, &usage, argv, positional);
    }
    cli_members_free(&d->members);
    free(d);
    return code;
}

const cli_command cmd_detect = {"detect", "judge clips: verdict, P(fake), timeline, reasons", run};
