/* The linear probes that the paper's authors publish, and pulling them. */
#include "core/alloc.h"
#include "core/str.h"
#include "core/suggest.h"
#include "fetch/pull.h"

#include <falsetto/head.h>

/* One commit, so that the files stay these. */
#define REPOSITORY "https://raw.githubusercontent.com/bit-ml/ssr-dfd/6e2cd54524743414382d33c2801e7ed902d279bc/"

/* clang-format off */
#define PROBE(name_, file_, sum)                                                                                \
    .name = name_, .licence = "CC BY-NC-SA 4.0", .source = "github.com/bit-ml/ssr-dfd", .non_commercial = true, \
    .file = {.name = file_, .sha256 = sum, .urls = {REPOSITORY "linear_probing/checkpoints/" name_ "/" file_}}
/* Trained on the authors' subset of AV-Deepfake1M (Boldisor et al. 2026). */
static const fal_probe_entry probes[] = {
    {PROBE("avh_multimodal", "model-epoch=18.ckpt", "acbd82e9ae2731631e29dc59ca151681e7223ec8dc48cebad115c0d705a5f003"),
     .encoder = "avhubert-large", .stream = "av", .dim = 1024},
    {PROBE("braven_vsr", "model-epoch=37.ckpt", "aee6e9243e905b80393c5fb05304fc1f8c0586b7d51fde9c8659ae340ddd92af"),
     .encoder = "braven-large-video-selftrain", .stream = "video", .dim = 1024},
    {PROBE("wav2vec2", "model-epoch=48.ckpt", "8fe22ee83d529f6959be1c93b47ede7b3823d7b69fe43f9d39cba96a5c588119"),
     .encoder = "wav2vec2-xls-r-2b", .stream = "audio", .dim = 3840},
};
/* clang-format on */
enum { PROBES = sizeof probes / sizeof *probes };

size_t fal_probe_count(void)
{
    return PROBES;
}

const fal_probe_entry *fal_probe_at(size_t index)
{
    return index < PROBES ? &probes[index] : NULL;
}

const fal_probe_entry *fal_probe_find(const char *name)
{
    for (size_t i = 0; i < PROBES; i++)
        if (fal_str_eq(probes[i].name, name))
            return &probes[i];
    return NULL;
}

static fal_status check_probe(const fal_pull_job *job, const char *path, const fal_pull_options *options,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_probe_entry *probe = job->user;
    fal_head *head = NULL;
    FAL_TRY(fal_head_open(path, options->fetch.log, &head, err));
    int64_t dim = fal_head_describe(head)->dim;
    if (dim != probe->dim)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: takes features of %lld channels, expected %lld", path, (long long)dim,
                 (long long)probe->dim);
done:
    fal_head_free(&head);
    return st;
}

static const char *probe_name(size_t index)
{
    return fal_probe_at(index)->name;
}

fal_status fal_probe_pull(const char *name, const fal_pull_options *options, fal_pull_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_probe_entry *probe = fal_probe_find(name);
    fal_buf near = {0};
    if (!probe)
        fal_suggest(name, fal_probe_count(), probe_name, &near);
    if (!probe)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "there is no probe called \"%s\"%s", name,
                 near.data ? near.data : "; `falsetto models pull --list-probes` shows them");
    fal_pull_job job = {.kind = "probe",
                        .name = probe->name,
                        .licence = probe->licence,
                        .source = probe->source,
                        .non_commercial = probe->non_commercial,
                        .files = &probe->file,
                        .file_count = 1,
                        .command = "falsetto models pull --probe",
                        .check = check_probe,
                        .user = probe};
    FAL_TRY(fal_pull_folder(options, "probes", probe->name, &job.folder, err));
    FAL_TRY(fal_pull_run(&job, options, report, err));
done:
    fal_buf_free(&near);
    return st;
}
