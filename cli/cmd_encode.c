#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct encode {
    cli_common common;
    const char *model, *audio, *video, *out, *layer_text, *stream, *stages, *feature;
    int heads;
    cli_layers layers;
    fal_encode_request request;
} encode;

static fal_status write_result(const encode *e, const fal_encoding *result, fal_error *err)
{
    size_t count = result->hidden_count + 1;
    char(*names)[32] = calloc(count, sizeof *names);
    fal_named_array *arrays = calloc(count, sizeof *arrays);
    fal_status st = FAL_ERR_MEMORY;
    if (names && arrays) {
        arrays[0] = (fal_named_array){"features", {FAL_ELEMENT_F32, 2, {result->rows, result->dim}, result->features}};
        for (size_t i = 0; i < result->hidden_count; i++) {
            const fal_hidden *h = &result->hidden[i];
            snprintf(names[i], sizeof names[i], "hidden_%d", h->layer);
            arrays[i + 1] = (fal_named_array){names[i], {FAL_ELEMENT_F32, 2, {h->rows, h->dim}, h->data}};
        }
        st = fal_arrays_write(e->out, arrays, count, err);
    }
    free(names);
    free(arrays);
    return st;
}

static void write_stage(void *user, const char *stage, const fal_array *value)
{
    const encode *e = user;
    fal_error err;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.npz", e->stages, stage);
    fal_named_array array = {stage, *value};
    if (fal_arrays_write(path, &array, 1, &err) != FAL_OK)
        cli_warn("%s", err.text);
}

static fal_status run_model(encode *e, fal_encoder *encoder, fal_error *err)
{
    fal_session *session = NULL;
    fal_array audio = {0}, video = {0};
    fal_encoding result;
    fal_session_options how = {.threads = e->common.threads,
                               .cancel = e->common.progress.cancel,
                               .stage = e->stages ? write_stage : NULL,
                               .stage_user = e};
    const fal_encoder_description *about = fal_encoder_describe(encoder);
    e->request.stream = e->stream ? cli_stream(e->stream) : about->default_stream;
    e->request.layers = e->layers.items;
    e->request.layer_count = e->layers.count;
    e->request.all_layers = e->layers.all;
    fal_status st = fal_session_create(&how, &session, err);
    if (st == FAL_OK && e->audio)
        st = fal_array_read(e->audio, &audio, err);
    if (st == FAL_OK && e->video)
        st = fal_array_read(e->video, &video, err);
    if (e->audio)
        e->request.audio = &audio;
    if (e->video)
        e->request.video = &video;
    if (st == FAL_OK)
        st = fal_encode(encoder, session, &e->request, &result, err);
    if (st == FAL_OK)
        st = write_result(e, &result, err);
    if (st == FAL_OK)
        printf("%s: features [%lld,%lld] at %g Hz, %zu hidden states\n", e->out, (long long)result.rows,
               (long long)result.dim, result.rate_hz, result.hidden_count);
    fal_array_free(&audio);
    fal_array_free(&video);
    fal_session_free(&session);
    return st;
}

static int encode_files(encode *e)
{
    fal_error err;
    fal_encoder *encoder = NULL;
    fal_encoder_options how = {.numbers = cli_numbers(&e->common),
                               .heads = e->heads,
                               .stream = e->stream ? cli_stream(e->stream) : 0,
                               .feature = e->feature,
                               .threads = e->common.threads,
                               .log = &e->common.log};
    fal_status st = fal_encoder_open(e->model, &how, &encoder, &err);
    if (st == FAL_OK)
        st = run_model(e, encoder, &err);
    fal_encoder_free(&encoder);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

static int run(int argc, char **argv)
{
    encode e = {0};
    int positional;
    const cli_option options[] = {
        {"stream", 0, CLI_TEXT, &e.stream, "audio|video|av", "what the encoder looks at"},
        {"audio", 0, CLI_TEXT, &e.audio, "F.npy", "waveform [samples], or AV-HuBERT's [1,104,T]"},
        {"video", 0, CLI_TEXT, &e.video, "F.npy",
         "as the network reads it, or uint8: [T,96,96] mouths, [T,S,S,3] pictures"},
        {"layers", 0, CLI_TEXT, &e.layer_text, "last|all|k,...", "hidden states to write beside the features"},
        {"pool", 0, CLI_FLAG, &e.request.pool_hidden, NULL, "hidden states at the features' rate, one row per row"},
        {"feature", 0, CLI_TEXT, &e.feature, "NAME", "which of the family's features (default: its first)"},
        {"heads", 0, CLI_INT, &e.heads, "N", "attention heads, for files that do not say"},
        {"dump-stages", 0, CLI_TEXT, &e.stages, "DIR", "write every intermediate result as DIR/<stage>.npz"},
        {"output", 'o', CLI_TEXT, &e.out, "OUT.npz", "arrays 'features' and 'hidden_k'"},
        CLI_PRECISION_OPTION(e.common),
        CLI_COMMON_OPTIONS(e.common),
    };
    const cli_usage usage = {"encode",
                             "MODEL",
                             "Runs an encoder on arrays: tensors in (.npy), tensors out (.npz).",
                             "  falsetto encode model.pt --stream video --video mouth.npy --layers all -o out.npz",
                             options,
                             sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || !e.out)
        return cli_misuse(&usage, "one model and -o are needed");
    if (e.stream && !cli_stream(e.stream) && strcmp(e.stream, "none"))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", e.stream);
    if (!cli_parse_layers(e.layer_text, &e.layers))
        return cli_misuse(&usage, "--layers '%s' is none of last, all, or a list such as 3,7", e.layer_text);
    if (e.stream && !cli_stream(e.stream))
        e.stream = NULL;
    e.model = argv[0];
    cli_begin(&e.common);
    return encode_files(&e);
}

const cli_command cmd_encode = {"encode", "run an encoder on arrays (.npy in, .npz out)", run};
