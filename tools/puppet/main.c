/* puppet: draws labelled talking-head clips, real ones and forgeries. */
#include "core/alloc.h"
#include "core/file.h"
#include "puppet/clip.h"
#include "puppet/crew.h"
#include "puppet/encode.h"
#include "puppet/manifest.h"

#include <libavutil/log.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

typedef struct production {
    const pup_options *options;
    pup_clip *clips;
} production;

static fal_status make_clip(void *context, int64_t index, void *result, fal_error *err)
{
    const production *p = context;
    fal_status st = pup_clip_make(p->options, &p->clips[index], result, err);
    if (st != FAL_OK)
        fal_error_prefix(err, "%s", p->clips[index].path);
    return st;
}

static void show_progress(void *context, int64_t finished, int64_t total)
{
    const production *p = context;
    if (!p->options->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\rpuppet: %lld of %lld clips%s", (long long)finished, (long long)total,
                finished == total ? "\n" : "");
}

static fal_status produce(const pup_options *options, fal_error *err)
{
    fal_status st = FAL_OK;
    production p = {.options = options};
    pup_facts *facts = NULL;
    int64_t fakes = 0;
    FAL_TRY(pup_codec_check(options, err));
    FAL_TRY(pup_cast(options, &p.clips, err));
    FAL_ALLOC(facts, fal_calloc((size_t)options->clips, sizeof *facts));
    FAL_TRY(fal_make_dirs(options->out_dir, err));
    pup_crew crew = {.job = make_clip,
                     .progress = show_progress,
                     .context = &p,
                     .count = options->clips,
                     .at_once = options->jobs,
                     .result_size = sizeof *facts};
    FAL_TRY(pup_crew_run(&crew, facts, err));
    FAL_TRY(pup_manifest_write(options, p.clips, facts, err));
    for (int64_t i = 0; i < options->clips; i++)
        fakes += p.clips[i].method != PUP_REAL;
    printf("%s: %lld real and %lld fake clips\n", options->out_dir, (long long)(options->clips - fakes),
           (long long)fakes);
done:
    fal_free(facts);
    fal_free(p.clips);
    return st;
}

static void on_stop(int signal_number)
{
    fal_atomic_cleanup();
    _exit(128 + signal_number);
}

int main(int argc, char **argv)
{
    pup_options options;
    fal_error err = {0};
    av_log_set_level(AV_LOG_ERROR);
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);
    if (pup_options_parse(argc, argv, &options, &err) != FAL_OK) {
        fprintf(stderr, "puppet: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(pup_help, stdout);
        return EXIT_DONE;
    }
    fal_status st = produce(&options, &err);
    if (st != FAL_OK)
        fprintf(stderr, "puppet: %s\n", err.text);
    return st == FAL_OK ? EXIT_DONE : st == FAL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}
