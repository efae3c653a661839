#include "cli.h"

#include <stdio.h>
#include <string.h>

static int run(int argc, char **argv)
{
    fal_error err;
    cli_common common = {0};
    fal_extract_options x = {0};
    fal_extract_report r;
    const char *encoder = "avhubert-random";
    char name[4096];
    int positional, dtype = 0;
    const cli_option options[] = {
        {"root", 0, CLI_TEXT, &x.root, "DIR", "folder the paths are relative to (default: the list's folder)"},
        {"encoder", 'e', CLI_TEXT, &encoder, "NAME[:STREAM]", "path or name; STREAM audio, video or av (default: all)"},
        {"output", 'o', CLI_TEXT, &x.out, "DIR", "where the .npz files go"},
        {"dtype", 0, CLI_CHOICE, &dtype, "f32|f16", "stored as (default f32)"},
        {"exact-preprocessing", 0, CLI_FLAG, &x.exact_preprocessing, NULL,
         "follow the official scripts to the letter (slow)"},
        {"trim-silence", 0, CLI_FLAG, &x.trim_silence, NULL, "drop leading silence as AVH-Align does"},
        {"jobs", 0, CLI_INT, &x.jobs, "N", "clips at the same time (default: one per core)"},
        CLI_PRECISION_OPTION(common),
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "extract",
        "LIST.csv",
        "Writes features of every clip of a list (column path): one .npz per clip, mirroring the paths, in the "
        "official\n"
        "key names. Run the same command again to go on after an interruption; failures are listed in failed.csv.",
        "  falsetto extract labels.csv --root clips --encoder self_large_vox_433h.pt -o features",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || !x.out)
        return cli_misuse(&usage, "one list and -o are needed");
    cli_begin(&common);
    snprintf(name, sizeof name, "%s", encoder);
    x.csv = argv[0];
    x.stream = cli_split_stream(name);
    x.encoder = name;
    x.half_precision = dtype == 1;
    x.numbers = cli_numbers(&common);
    x.threads = common.threads;
    x.log = &common.log;
    x.progress = &common.progress;
    if (fal_extract(&x, &r, &err) != FAL_OK)
        return cli_fail(&err);
    cli_progress_done();
    printf("%s: %zu clips, %zu written, %zu already there, %zu failed, %.1f s\n", x.out, r.clips, r.written, r.kept,
           r.failed, r.seconds);
    if (r.failed)
        cli_warn("%zu clips failed: %s/failed.csv tells why", r.failed, x.out);
    return r.failed ? EXIT_INPUT : EXIT_DONE;
}

const cli_command cmd_extract = {"extract", "features of a dataset", run};
