#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM_PATH = 4096 };

/* The puppet program lies beside this one, or in the build folder; "" when neither. */
static void find_puppet(char path[PROGRAM_PATH])
{
    static const char *const places[] = {"puppet", "../tools/puppet"};
    char self[PROGRAM_PATH - 32];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    path[0] = '\0';
    if (length <= 0)
        return;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, PROGRAM_PATH, "%s%s", self, places[i]);
        if (access(path, X_OK) == 0)
            return;
    }
    path[0] = '\0';
}

static int reproduce(const fal_study_options *options, fal_table_format format)
{
    fal_error err;
    fal_study *study = NULL;
    char *text = NULL;
    fal_status st = fal_study_run(options, &study, &err);
    cli_progress_done();
    if (st == FAL_OK)
        st = fal_study_tables(study, format, &text, &err);
    if (st != FAL_OK) {
        fal_study_free(&study);
        return cli_fail(&err);
    }
    const fal_study_report r = *fal_study_describe(study);
    fputs(text, stdout);
    fprintf(stderr,
            "%s: %zu steps done now, %zu already there, %zu failed, %zu things are not here; tables in %s/tables\n",
            options->config, r.made, r.kept, r.failed, r.absent, options->out);
    fal_text_free(&text);
    fal_study_free(&study);
    return r.failed ? EXIT_INPUT : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    cli_common common = {0};
    fal_study_options o = {0};
    char puppet[PROGRAM_PATH];
    int format = 0, only = 0, positional;
    const cli_option options[] = {
        {"output", 'o', CLI_TEXT, &o.out, "DIR", "features, heads, scores, tables; run again to go on or to update"},
        {"data", 0, CLI_TEXT, &o.data, "DIR", "where relative paths start (default: the configuration's folder)"},
        {"only", 0, CLI_CHOICE, &only, "everything|generate|extract|train|evaluate|tables", "just this stage"},
        {"format", 0, CLI_CHOICE, &format, "text|csv|markdown|latex|html", "of what is printed (files: all of them)"},
        {"jobs", 0, CLI_INT, &o.jobs, "N", "clips at the same time (default: one per core)"},
        {"puppet", 0, CLI_TEXT, &o.puppet, "PROGRAM", "draws datasets of puppets (default: the one beside this)"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "reproduce",
        "CONFIG.json",
        "Runs a study from a file that names datasets, encoders, heads and tables: extracts, trains and evaluates "
        "what\n"
        "is missing or has changed, and prints the tables, the paper's numbers beside yours. What is not here leaves\n"
        "a cell without a number, with the reason below the table.",
        "  falsetto reproduce configs/paper.json --data datasets -o study\n"
        "  falsetto reproduce configs/puppet.json -o puppets",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || !o.out)
        return cli_misuse(&usage, "one configuration and -o are needed");
    cli_begin(&common);
    find_puppet(puppet);
    o.config = argv[0];
    o.only = (fal_study_stage)only;
    o.puppet = o.puppet ? o.puppet : puppet[0] ? puppet : NULL;
    o.threads = common.threads;
    o.log = &common.log;
    o.progress = &common.progress;
    return reproduce(&o, (fal_table_format)format);
}

const cli_command cmd_reproduce = {"reproduce", "the paper's tables from a configuration", run};
