/* models pull: fetching models of the catalogue and published probes. */
#include "cli.h"
#include "models.h"

#include <stdio.h>

typedef struct pull {
    cli_common common;
    bool force, probe, list_probes;
} pull;

static int list_probes(void)
{
    printf("%-15s %-29s %-6s %5s  %s\n", "probe", "encoder", "stream", "dim", "licence");
    for (size_t i = 0; i < fal_probe_count(); i++) {
        const fal_probe_entry *e = fal_probe_at(i);
        printf("%-15s %-29s %-6s %5lld  %s%s\n", e->name, e->encoder, e->stream, (long long)e->dim, e->licence,
               e->non_commercial ? " (non-commercial)" : "");
    }
    return EXIT_DONE;
}

/* Said before anything is fetched, also to those who want no notes: whoever goes on accepts it. */
static void say_licence(const char *name, const char *licence, bool non_commercial, const char *source)
{
    cli_warn("%s: licence %s%s; from %s", name, licence, non_commercial ? ": NON-COMMERCIAL USE ONLY" : "", source);
}

static void say_licence_of(const pull *p, const char *name)
{
    const fal_model_entry *model = p->probe ? NULL : fal_model_find(name);
    const fal_probe_entry *probe = p->probe ? fal_probe_find(name) : NULL;
    if (model && model->files[0].name)
        say_licence(name, model->licence, model->non_commercial, model->source);
    if (probe)
        say_licence(name, probe->licence, probe->non_commercial, probe->source);
}

static const char *how_it_came(const fal_pulled_file *file)
{
    switch (file->how) {
    case FAL_PULL_FETCHED: return file->file.resumed ? "fetched, going on with an earlier part" : "fetched";
    case FAL_PULL_PRESENT: return "was there";
    case FAL_PULL_LEFT_OUT: return "left out, works without";
    case FAL_PULL_BY_HAND: return "to be downloaded by hand";
    }
    return "";
}

static void say_files(const fal_pull_report *report)
{
    for (size_t i = 0; i < report->file_count; i++) {
        const fal_pulled_file *f = &report->files[i];
        char size[32] = "";
        if (f->file.bytes > 0)
            snprintf(size, sizeof size, f->file.bytes < 1000000 ? "%.1f kB" : "%.1f MB",
                     (double)f->file.bytes / (f->file.bytes < 1000000 ? 1e3 : 1e6));
        cli_warn("  %-28s %10s  %s%s", f->name, size, how_it_came(f), f->checked ? ", checksum as published" : "");
    }
}

static int tell(const pull *p, const char *name, const fal_pull_report *report)
{
    cli_progress_done();
    if (!p->common.quiet && !report->installed_before)
        say_files(report);
    if (!report->complete) {
        cli_warn("%s has to be downloaded by hand:", name);
        fputs(report->steps, stderr);
        return EXIT_INPUT;
    }
    if (!p->common.quiet && report->installed_before)
        cli_warn("%s is installed already (--force fetches it again)", name);
    if (!p->common.quiet && p->probe)
        cli_warn("its encoder: --encoder %s:%s", fal_probe_find(name)->encoder, fal_probe_find(name)->stream);
    printf("%s\n", report->path);
    return EXIT_DONE;
}

static int pull_one(const pull *p, const char *name)
{
    fal_error err = {0};
    fal_pull_report report = {0};
    const fal_pull_options options = {.force = p->force,
                                      .fetch = {.progress = &p->common.progress, .log = &p->common.log}};
    say_licence_of(p, name);
    fal_status st =
        p->probe ? fal_probe_pull(name, &options, &report, &err) : fal_model_pull(name, &options, &report, &err);
    if (st != FAL_OK)
        return cli_fail(&err);
    int code = tell(p, name, &report);
    fal_pull_report_free(&report);
    return code;
}

int models_pull(int argc, char **argv)
{
    pull p = {.force = false};
    int names = 0, code;
    const cli_option options[] = {
        {"force", 'f', CLI_FLAG, &p.force, NULL, "fetch again what is already there"},
        {"probe", 'p', CLI_FLAG, &p.probe, NULL, "NAME is one of the paper's published probes"},
        {"list-probes", 0, CLI_FLAG, &p.list_probes, NULL, "show them, with the encoder each belongs to"},
        CLI_COMMON_OPTIONS(p.common),
    };
    const cli_usage usage = {
        "models pull",
        "NAME...",
        "Fetches models of the catalogue into the model folder: going on with what was interrupted, checked against\n"
        "published checksums, with a receipt of where it came from. Says what to do where only a browser gets it.\n"
        "Prints the path of each. FALSETTO_MIRROR=http://host takes everything from another host.",
        "  falsetto models pull wav2vec2-xls-r-300m\n"
        "  falsetto models pull --probe avh_multimodal",
        options,
        sizeof options / sizeof *options};
    if ((code = cli_parse(&usage, argc, argv, &names)) >= 0)
        return code;
    if (p.list_probes && names == 0)
        return list_probes();
    if (names == 0 || p.list_probes)
        return cli_misuse(&usage, "%s", p.list_probes ? "--list-probes takes no name" : "no model named");
    cli_begin(&p.common);
    code = EXIT_DONE;
    for (int i = 0; i < names && !cli_stopped(); i++) {
        int one = pull_one(&p, argv[i]);
        code = one ? one : code;
    }
    return cli_stopped() ? EXIT_STOPPED : code;
}
