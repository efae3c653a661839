/* models: one verb per function here, but for `pull` (cmd_pull.c) and the table of `list` (models_table.c). */
#include "cli.h"
#include "models.h"

#include <stdio.h>
#include <string.h>

/* Parses a verb's options; it takes `wanted` arguments. Returns -1 to go on, or the exit code. */
static int parse(const cli_usage *usage, int argc, char **argv, int wanted, cli_common *common)
{
    int positional = 0, code = cli_parse(usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != wanted)
        return cli_misuse(usage, "'%s' takes %d argument%s", strrchr(usage->command, ' ') + 1, wanted,
                          wanted == 1 ? "" : "s");
    cli_begin(common);
    return -1;
}

static int print_text(fal_status status, char **text, const fal_error *err)
{
    if (status != FAL_OK)
        return cli_fail(err);
    cli_progress_done();
    fputs(*text, stdout);
    fputs(*text && **text && (*text)[strlen(*text) - 1] == '\n' ? "" : "\n", stdout);
    fal_text_free(text);
    return EXIT_DONE;
}

/* ---- list ---- */

static int list(int argc, char **argv)
{
    cli_common common = {0};
    models_filter filter = {0};
    bool json = false;
    fal_error err = {0};
    char *text = NULL;
    const cli_option options[] = {
        {"family", 0, CLI_TEXT, &filter.family, "NAME", "only this family"},
        {"installed", 0, CLI_FLAG, &filter.installed, NULL, "only models that can be opened now"},
        {"json", 0, CLI_FLAG, &json, NULL, "as JSON, with all that is known of each"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {"models list",
                             "",
                             "Every public encoder checkpoint this program knows.",
                             "  falsetto models list --family wav2vec2",
                             options,
                             sizeof options / sizeof *options};
    int code = parse(&usage, argc, argv, 0, &common);
    if (code >= 0)
        return code;
    if (!json)
        return models_table(&filter);
    return print_text(fal_model_list_json(filter.family, filter.installed, &text, &err), &text, &err);
}

/* ---- info, verify ---- */

static int info(int argc, char **argv)
{
    cli_common common = {0};
    bool json = false;
    fal_error err = {0};
    char *text = NULL;
    const cli_option options[] = {
        {"json", 0, CLI_FLAG, &json, NULL, "as JSON, every tensor on its own"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {"models info",
                             "FILE|FOLDER|NAME",
                             "What a checkpoint holds, of a known family or not. Nothing in it is executed.",
                             "  falsetto models info self_large_vox_433h.pt",
                             options,
                             sizeof options / sizeof *options};
    int code = parse(&usage, argc, argv, 1, &common);
    if (code >= 0)
        return code;
    return print_text(json ? fal_model_info_json(argv[0], &text, &err) : fal_model_info_text(argv[0], &text, &err),
                      &text, &err);
}

static int verify(int argc, char **argv)
{
    cli_common common = {0};
    fal_encoder_options how = {0};
    bool json = false, ok = false;
    fal_error err = {0};
    char *text = NULL;
    const cli_option options[] = {
        {"family", 0, CLI_TEXT, &how.family, "NAME", "take the file for this family"},
        {"heads", 0, CLI_INT, &how.heads, "N", "attention heads, for files that do not say"},
        {"json", 0, CLI_FLAG, &json, NULL, "the report as JSON"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {"models verify",
                             "FILE|FOLDER|NAME",
                             "Whether a model is in order: container, tensors, values, checksums. Exit code 1 if not.",
                             "  falsetto models verify wav2vec2-base",
                             options,
                             sizeof options / sizeof *options};
    int code = parse(&usage, argc, argv, 1, &common);
    if (code >= 0)
        return code;
    how.progress = &common.progress;
    how.log = &common.log;
    code = print_text(json ? fal_model_verify_json(argv[0], &how, &ok, &text, &err)
                           : fal_model_verify_text(argv[0], &how, &ok, &text, &err),
                      &text, &err);
    return code != EXIT_DONE || ok ? code : EXIT_INPUT;
}

/* ---- import, init ---- */

static int import(int argc, char **argv)
{
    static const fal_store stores[] = {FAL_STORE_AS_IS, FAL_STORE_F32, FAL_STORE_F16, FAL_STORE_BF16};
    cli_common common = {0};
    fal_encoder_options how = {0};
    const char *out = NULL;
    int store = 0;
    fal_error err = {0};
    const cli_option options[] = {
        {"output", 'o', CLI_TEXT, &out, "FILE", "the safetensors file to write"},
        {"store", 0, CLI_CHOICE, &store, "as-is|f32|f16|bf16", "number format of the file (default as-is)"},
        {"family", 0, CLI_TEXT, &how.family, "NAME", "take the file for this family"},
        {"heads", 0, CLI_INT, &how.heads, "N", "attention heads, for files that do not say"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {"models import",
                             "FILE|FOLDER|NAME",
                             "Any readable checkpoint of a known family as one tidy safetensors file.",
                             "  falsetto models import self_large_vox_433h.pt -o avhubert.safetensors",
                             options,
                             sizeof options / sizeof *options};
    int code = parse(&usage, argc, argv, 1, &common);
    if (code >= 0)
        return code;
    if (!out)
        return cli_misuse(&usage, "'import' needs -o FILE");
    how.threads = common.threads;
    how.log = &common.log;
    if (fal_model_import(argv[0], out, stores[store], &how, &err) != FAL_OK)
        return cli_fail(&err);
    printf("%s\n", out);
    return EXIT_DONE;
}

static int init(int argc, char **argv)
{
    static const fal_number_format stores[] = {FAL_NUMBERS_F32, FAL_NUMBERS_BF16};
    cli_common common = {0};
    const char *out = NULL;
    int store = 0, seed = 1;
    fal_error err = {0};
    const cli_option options[] = {
        {"output", 'o', CLI_TEXT, &out, "FILE", "the safetensors file to write"},
        {"seed", 0, CLI_INT, &seed, "N", "seed of the weights (default 1)"},
        {"store", 0, CLI_CHOICE, &store, "f32|bf16", "number format of the file (default f32)"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {"models init",
                             "NAME",
                             "A full-size model with random weights, drawn as the original code would.",
                             "  falsetto models init avhubert-large --seed 1 -o random.safetensors",
                             options,
                             sizeof options / sizeof *options};
    int code = parse(&usage, argc, argv, 1, &common);
    if (code >= 0)
        return code;
    if (!out)
        return cli_misuse(&usage, "'init' needs -o FILE");
    if (fal_model_init(argv[0], (uint64_t)seed, stores[store], out, &common.log, &err) != FAL_OK)
        return cli_fail(&err);
    printf("%s\n", out);
    return EXIT_DONE;
}

/* ---- choosing ---- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"list", list}, {"info", info}, {"verify", verify}, {"pull", models_pull}, {"import", import}, {"init", init},
};

static int run(int argc, char **argv)
{
    cli_common common = {0};
    int positional = 0;
    const cli_option options[] = {CLI_COMMON_OPTIONS(common)};
    const cli_usage usage = {"models",
                             "list | info FILE | verify FILE | pull NAME | import FILE | init NAME",
                             "list    the catalogue: every public checkpoint, and which are installed\n"
                             "info    what a checkpoint file holds (nothing in it is executed)\n"
                             "verify  whether a checkpoint file or an installed model is in order\n"
                             "pull    fetch a model of the catalogue into the model folder\n"
                             "import  any readable checkpoint as one tidy safetensors file\n"
                             "init    a full-size random model\n\n"
                             "falsetto models VERB --help tells more of each.",
                             "  falsetto models list --installed\n"
                             "  falsetto models pull wav2vec2-xls-r-300m\n"
                             "  falsetto models verify wav2vec2-xls-r-300m",
                             options,
                             sizeof options / sizeof *options};
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    int code = cli_parse(&usage, argc, argv, &positional);
    return code >= 0 ? code : cli_misuse(&usage, "what to do must be list, info, verify, pull, import or init");
}

const cli_command cmd_models = {"models", "list, fetch, inspect, check, convert and make encoder checkpoints", run};
