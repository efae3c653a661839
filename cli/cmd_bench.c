#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_RUNS = 1000, FEATURE_HZ = 25, WAVE_HZ = 16000, FBANK = 104, CROP = 88 };

typedef struct bench {
    cli_common common;
    const char *model, *stream;
    double seconds;
    int repeat;
    bool json;
    double open_s, runs[MAX_RUNS];
} bench;

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

static fal_array audio_input(fal_input_kind kind, double seconds)
{
    if (kind == FAL_INPUT_WAVE)
        return (fal_array){FAL_ELEMENT_F32, 1, {(int64_t)(seconds * WAVE_HZ)}, NULL};
    return (fal_array){FAL_ELEMENT_F32, 2, {(int64_t)(seconds * FEATURE_HZ), FBANK}, NULL};
}

static fal_status time_runs(bench *b, const fal_encoder *encoder, fal_session *session, fal_error *err)
{
    const fal_encoder_description *about = fal_encoder_describe(encoder);
    fal_stream stream = b->stream ? cli_stream(b->stream) : about->default_stream;
    fal_array audio = audio_input(about->audio_input, b->seconds);
    fal_array video = {FAL_ELEMENT_F32, 3, {(int64_t)(b->seconds * FEATURE_HZ), CROP, CROP}, NULL};
    fal_encode_request request = {.stream = stream};
    fal_status st = FAL_OK;
    if (stream & FAL_STREAM_AUDIO)
        request.audio = &audio, audio.data = noise(count_of(&audio));
    if (stream & FAL_STREAM_VIDEO)
        request.video = &video, video.data = noise(count_of(&video));
    for (int i = -1; i < b->repeat && st == FAL_OK; i++) { /* one warm-up */
        fal_encoding result;
        double start = now();
        st = fal_encode(encoder, session, &request, &result, err);
        if (i >= 0)
            b->runs[i] = now() - start;
    }
    free((void *)audio.data);
    free((void *)video.data);
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(bench *b, const fal_encoder_description *about)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    qsort(b->runs, (size_t)b->repeat, sizeof *b->runs, ascending);
    double median = b->runs[b->repeat / 2], least = b->runs[0], peak = (double)usage.ru_maxrss / 1048576;
    if (!b->json) {
        char threads[16] = "all";
        if (b->common.threads)
            snprintf(threads, sizeof threads, "%d", b->common.threads);
        printf("%s %s, %s, %s threads, %s: %.3f s median, %.3f s least for %g s of input (%.3f of real time)\n"
               "opened in %.3f s, peak memory %.2f GiB\n",
               about->family, about->size, about->arithmetic, threads, fal_instruction_set(), median, least, b->seconds,
               median / b->seconds, b->open_s, peak);
        return;
    }
    printf("{\"family\": \"%s\", \"size\": \"%s\", \"arithmetic\": \"%s\", \"threads\": %d, \"input_s\": %g, "
           "\"open_s\": %.6f, "
           "\"peak_gib\": %.4f, \"seconds\": [",
           about->family, about->size, about->arithmetic, b->common.threads, b->seconds, b->open_s, peak);
    for (int i = 0; i < b->repeat; i++)
        printf("%s%.6f", i ? ", " : "", b->runs[i]);
    printf("]}\n");
}

static int bench_encoder(bench *b)
{
    fal_error err;
    fal_encoder *encoder = NULL;
    fal_session *session = NULL;
    fal_encoder_options how = {.numbers = cli_numbers(&b->common), .threads = b->common.threads, .log = &b->common.log};
    double start = now();
    fal_status st = fal_encoder_open(b->model, &how, &encoder, &err);
    b->open_s = now() - start;
    if (st == FAL_OK)
        st = fal_session_create(
            &(fal_session_options){.threads = b->common.threads, .cancel = b->common.progress.cancel}, &session, &err);
    if (st == FAL_OK)
        st = time_runs(b, encoder, session, &err);
    if (st == FAL_OK)
        report(b, fal_encoder_describe(encoder));
    fal_session_free(&session);
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
