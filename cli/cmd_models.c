#include "cli.h"

#include <stdio.h>
#include <string.h>

typedef struct models {
    cli_common common;
    const char *out, *family;
    int seed, store, heads;
} models;

static int list(const models *m, const char *unused)
{
    (void)m;
    (void)unused;
    printf("%-22s %-10s %-20s %6s %6s  %s\n", "name", "family", "streams", "dim", "Hz",
           "licence of the public weights");
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *e = fal_model_at(i);
        printf("%-22s %-10s %-20s %6lld %6g  %s%s\n", e->name, e->family, e->streams, (long long)e->dim, e->rate_hz,
               e->licence, e->non_commercial ? " (non-commercial)" : "");
    }
    return EXIT_DONE;
}

static int info(const models *m, const char *source)
{
    (void)m;
    fal_error err;
    char *json = NULL;
    if (fal_model_info_json(source, &json, &err) != FAL_OK)
        return cli_fail(&err);
    puts(json);
    fal_text_free(&json);
    return EXIT_DONE;
}

static int import(const models *m, const char *source)
{
    static const fal_store stores[] = {FAL_STORE_AS_IS, FAL_STORE_F32, FAL_STORE_F16, FAL_STORE_BF16};
    fal_error err;
    fal_encoder_options how = {
        .family = m->family, .heads = m->heads, .threads = m->common.threads, .log = &m->common.log};
    if (fal_model_import(source, m->out, stores[m->store], &how, &err) != FAL_OK)
        return cli_fail(&err);
    printf("%s\n", m->out);
    return EXIT_DONE;
}

static int init(const models *m, const char *name)
{
    fal_error err;
    fal_number_format store = m->store == 3 ? FAL_NUMBERS_BF16 : FAL_NUMBERS_F32;
    if (fal_model_init(name, (uint64_t)m->seed, store, m->out, &m->common.log, &err) != FAL_OK)
        return cli_fail(&err);
    printf("%s\n", m->out);
    return EXIT_DONE;
}

static const struct {
    const char *name;
    int arguments; /* after the verb */
    bool needs_out;
    int (*run)(const models *m, const char *argument);
} verbs[] = {
    {"list", 0, false, list},
    {"info", 1, false, info},
    {"import", 1, true, import},
    {"init", 1, true, init},
};

static int run(int argc, char **argv)
{
    models m = {.seed = 1};
    int positional;
    const cli_option options[] = {
        {"output", 'o', CLI_TEXT, &m.out, "FILE", "import, init: the safetensors file to write"},
        {"store", 0, CLI_CHOICE, &m.store, "as-is|f32|f16|bf16",
         "import: number format of the file (init: f32 or bf16)"},
        {"seed", 0, CLI_INT, &m.seed, "N", "init: seed of the random weights (default 1)"},
        {"family", 0, CLI_TEXT, &m.family, "NAME", "import: take the file for this family"},
        {"heads", 0, CLI_INT, &m.heads, "N", "import: attention heads, for files that do not say"},
        CLI_COMMON_OPTIONS(m.common),
    };
    const cli_usage usage = {
        "models",
        "list | info FILE | import FILE | init NAME",
        "list    encoders with a registry name       info    what a checkpoint file holds (nothing in it is executed)\n"
        "import  any readable checkpoint as one tidy safetensors file       init  a full-size random model",
        "  falsetto models import self_large_vox_433h.pt -o avhubert.safetensors\n"
        "  falsetto models init avhubert-large --seed 1 -o random.safetensors",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (positional && !strcmp(argv[0], verbs[i].name)) {
            if (positional != 1 + verbs[i].arguments)
                return cli_misuse(&usage, "'%s' takes %d argument", verbs[i].name, verbs[i].arguments);
            if (verbs[i].needs_out && !m.out)
                return cli_misuse(&usage, "'%s' needs -o FILE", verbs[i].name);
            cli_begin(&m.common);
            return verbs[i].run(&m, argv[1]);
        }
    return cli_misuse(&usage, "what to do must be list, info, import or init");
}

const cli_command cmd_models = {"models", "list, inspect, convert and make encoder checkpoints", run};
