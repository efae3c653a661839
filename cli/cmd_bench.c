#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_RUNS = 1000, VIDEO_HZ = 25, WAVE_HZ = 16000, FBANK = 104, CROP = 88, CHANNELS = 3 };

typedef struct bench {
    cli_common common;
    const char *model, *stream;
    double seconds;
    int repeat;
    bool json, paced;
    double open_s, runs[MAX_RUNS]; /* in the order they ran */
} bench;

/* What a pass reads. */
typedef struct workload {
    const fal_encoder *encoder;
    fal_session *session;
    fal_array audio, video;
    fal_encode_request request;
} workload;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Numbers of a believable size; the time does not depend on the values. */
static float *noise(size_t count)
{
    float *data = malloc(count * sizeof *data);
    uint32_t state = 1;
    for (size_t i = 0; data && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
    return data;
}

static size_t count_of(const fal_array *a)
{
    size_t n = 1;
    for (int i = 0; i < a->rank; i++)
        n *= (size_t)a->shape[i];
    return n;
}

/* An input of `seconds`, without data; pictures as the network reads them, so that only the network is timed. */
static fal_array empty_input(fal_input_kind kind, const fal_encoder_description *about, double seconds)
{
    int64_t frames = (int64_t)(seconds * VIDEO_HZ + 0.5), side = about->picture.side;
    switch (kind) {
    case FAL_INPUT_NONE:
        break;
    case FAL_INPUT_WAVE:
        return (fal_array){FAL_ELEMENT_F32, 1, {(int64_t)(seconds * WAVE_HZ + 0.5)}, NULL};
    case FAL_INPUT_LOGFBANK:
        return (fal_array){FAL_ELEMENT_F32, 2, {frames, FBANK}, NULL};
    case FAL_INPUT_MOUTH:
    case FAL_INPUT_MOUTH_AVSR:
        return (fal_array){FAL_ELEMENT_F32, 3, {frames, CROP, CROP}, NULL};
    case FAL_INPUT_FACE:
    case FAL_INPUT_FRAME:
        return (fal_array){FAL_ELEMENT_F32, 4, {frames, CHANNELS, side, side}, NULL};
    }
    return (fal_array){0};
}

static void make_workload(const bench *b, workload *w)
{
    const fal_encoder_description *about = fal_encoder_describe(w->encoder);
    w->request.stream = b->stream ? cli_stream(b->stream) : about->default_stream;
    if (w->request.stream & FAL_STREAM_AUDIO) {
        w->audio = empty_input(about->audio_input, about, b->seconds);
        w->audio.data = noise(count_of(&w->audio));
        w->request.audio = &w->audio;
    }
    if (w->request.stream & FAL_STREAM_VIDEO) {
        w->video = empty_input(about->video_input, about, b->seconds);
        w->video.data = noise(count_of(&w->video));
        w->request.video = &w->video;
    }
}

static fal_status time_pass(workload *w, double *seconds, fal_error *err)
{
    fal_encoding result;
    double start = now();
    fal_status st = fal_encode(w->encoder, w->session, &w->request, &result, err);
    *seconds = now() - start;
    return st;
}

static fal_status time_repeats(bench *b, workload *w, fal_error *err)
{
    double warm_up;
    fal_status st = time_pass(w, &warm_up, err);
    for (int i = 0; i < b->repeat && st == FAL_OK; i++)
        st = time_pass(w, &b->runs[i], err);
    return st;
}

/* A pass whenever somebody writes a line, who so takes turns with other programs; none is a warm-up, that is for them to
 * say. */
static fal_status time_paced(bench *b, workload *w, fal_error *err)
{
    char line[64];
    fal_status st = FAL_OK;
    b->repeat = 0;
    while (st == FAL_OK && b->repeat < MAX_RUNS && fgets(line, sizeof line, stdin)) {
        st = time_pass(w, &b->runs[b->repeat], err);
        if (st == FAL_OK) {
            printf("%.6f\n", b->runs[b->repeat++]);
            fflush(stdout);
        }
    }
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double peak_gib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1048576;
}

static void report_text(bench *b, const fal_encoder_description *about)
{
    char threads[16] = "all";
    if (b->common.threads)
        snprintf(threads, sizeof threads, "%d", b->common.threads);
    qsort(b->runs, (size_t)b->repeat, sizeof *b->runs, ascending);
    double median = b->runs[b->repeat / 2];
    printf("%s %s, %s, %s threads, %s: %.3f s median, %.3f s least for %g s of input (%.3f of real time)\n"
           "opened in %.3f s, peak memory %.2f GiB\n",
           about->family, about->size, about->arithmetic, threads, fal_instruction_set(), median, b->runs[0],
           b->seconds, median / b->seconds, b->open_s, peak_gib());
}

static void report_json(const bench *b, const fal_encoder_description *about)
{
    printf("{\"family\": \"%s\", \"size\": \"%s\", \"arithmetic\": \"%s\", \"instruction_set\": \"%s\", "
           "\"threads\": %d, \"input_s\": %g, \"open_s\": %.6f, \"peak_gib\": %.4f, \"seconds\": [",
           about->family, about->size, about->arithmetic, fal_instruction_set(), b->common.threads, b->seconds,
           b->open_s, peak_gib());
    for (int i = 0; i < b->repeat; i++)
        printf("%s%.6f", i ? ", " : "", b->runs[i]);
    printf("]}\n");
}

static fal_status open_encoder(bench *b, fal_encoder **encoder, fal_error *err)
{
    fal_encoder_options how = {.numbers = cli_numbers(&b->common), .threads = b->common.threads, .log = &b->common.log};
    double start = now();
    fal_status st = fal_encoder_open(b->model, &how, encoder, err);
    b->open_s = now() - start;
    return st;
}

static int bench_encoder(bench *b)
{
    fal_error err;
    fal_encoder *encoder = NULL;
    workload w = {0};
    fal_session_options how = {.threads = b->common.threads, .cancel = b->common.progress.cancel};
    fal_status st = open_encoder(b, &encoder, &err);
    if (st == FAL_OK)
        st = fal_session_create(&how, &w.session, &err);
    if (st == FAL_OK) {
        w.encoder = encoder;
        make_workload(b, &w);
        st = (b->paced ? time_paced : time_repeats)(b, &w, &err);
    }
    if (st == FAL_OK && b->json)
        report_json(b, fal_encoder_describe(encoder));
    else if (st == FAL_OK && b->repeat)
        report_text(b, fal_encoder_describe(encoder));
    free((void *)w.audio.data);
    free((void *)w.video.data);
    fal_session_free(&w.session);
    fal_encoder_free(&encoder);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

static int run(int argc, char **argv)
{
    bench b = {.seconds = 10, .repeat = 5};
    int positional;
    const cli_option options[] = {
        {"stream", 0, CLI_TEXT, &b.stream, "audio|video|av", "what the encoder looks at"},
        {"seconds", 0, CLI_REAL, &b.seconds, "S", "length of the input (default 10)"},
        {"repeat", 0, CLI_INT, &b.repeat, "N", "timed passes after one warm-up (default 5)"},
        {"paced", 0, CLI_FLAG, &b.paced, NULL, "a pass for each line read, its seconds printed"},
        {"json", 0, CLI_FLAG, &b.json, NULL, "every time, for programs"},
        CLI_PRECISION_OPTION(b.common),
        CLI_COMMON_OPTIONS(b.common),
    };
    const cli_usage usage = {"bench",
                             "encoder MODEL",
                             "Times forward passes of an encoder on noise.",
                             "  falsetto bench encoder avhubert-random --stream video --threads 1",
                             options,
                             sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 2 || strcmp(argv[0], "encoder"))
        return cli_misuse(&usage, "what to time must be 'encoder MODEL'");
    if (b.repeat < 1 || b.repeat > MAX_RUNS || !(b.seconds >= 0.1 && b.seconds <= 3600))
        return cli_misuse(&usage, "--repeat must be 1 to %d, --seconds 0.1 to 3600", MAX_RUNS);
    if (b.stream && !cli_stream(b.stream))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", b.stream);
    cli_begin(&b.common);
    b.model = argv[1];
    return bench_encoder(&b);
}

const cli_command cmd_bench = {"bench", "time an encoder on this machine", run};
