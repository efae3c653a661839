/* The registry of heads and what every kind shares: opening, checking shapes, calibrated probability. */
#include "core/alloc.h"
#include "core/status.h"
#include "core/str.h"
#include "head/builtin.h"
#include "head/kind.h"

#include <math.h>

static const fal_head_kind *const kinds[] = {
    &fal_head_probe,
};

struct fal_head {
    const fal_head_kind *kind;
    void *model;
    fal_head_description about;
    char *origin, *encoder, *family, *feature; /* storage behind `about` */
};

static const fal_head_kind *recognise(const fal_checkpoint *ckpt)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->recognise(ckpt))
            return kinds[i];
    return NULL;
}

static fal_status keep_text(const char **text, char **copy, fal_error *err)
{
    fal_status st = FAL_OK;
    if (*text)
        FAL_ALLOC(*copy, fal_strdup(*text));
    *text = *copy;
done:
    return st;
}

/* The texts of a checkpoint die with it. */
static fal_status keep_texts(fal_head *head, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    head->about.origin = path;
    head->about.kind = head->kind->name;
    FAL_TRY(keep_text(&head->about.origin, &head->origin, err));
    FAL_TRY(keep_text(&head->about.encoder, &head->encoder, err));
    FAL_TRY(keep_text(&head->about.family, &head->family, err));
    FAL_TRY(keep_text(&head->about.feature, &head->feature, err));
done:
    return st;
}

static fal_status open_file(const char *path, const fal_log *log, fal_checkpoint **out, fal_error *err)
{
    const fal_builtin_head *builtin = fal_builtin_find(path);
    if (builtin)
        return fal_checkpoint_parse(&(fal_source){builtin->bytes, builtin->size, path}, log, out, err);
    return fal_checkpoint_open(path, log, out, err);
}

fal_status fal_head_open(const char *path, const fal_log *log, fal_head **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    fal_head *head = NULL;
    FAL_TRY(open_file(path, log, &ckpt, err));
    const fal_head_kind *kind = recognise(ckpt);
    if (!kind)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s holds no head: wanted head.weight [1,D] and head.bias [1] of a linear probe, "
                 "found %zu tensors%s%s", path, fal_checkpoint_count(ckpt),
                 fal_checkpoint_count(ckpt) ? ", the first is " : "",
                 fal_checkpoint_count(ckpt) ? fal_checkpoint_at(ckpt, 0)->name : "");
    FAL_ALLOC(head, fal_calloc(1, sizeof *head));
    head->kind = kind;
    FAL_TRY(kind->open(ckpt, &head->model, &head->about, err));
    FAL_TRY(keep_texts(head, path, err));
    *out = head, head = NULL;
done:
    fal_head_free(&head);
    fal_checkpoint_free(&ckpt);
    return st;
}

void fal_head_free(fal_head **head)
{
    if (!head || !*head)
        return;
    (*head)->kind->free(&(*head)->model);
    fal_free((*head)->origin);
    fal_free((*head)->encoder);
    fal_free((*head)->family);
    fal_free((*head)->feature);
    fal_release(head);
}

const fal_head_description *fal_head_describe(const fal_head *head)
{
    return &head->about;
}

fal_status fal_head_score(const fal_head *head, const float *features, int64_t frames, int64_t dim,
                          float *frame_logits, double *clip_logit, fal_error *err)
{
    if (dim != head->about.dim)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s takes features of %lld channels, these have %lld", head->origin,
                        (long long)head->about.dim, (long long)dim);
    if (frames < 1)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "%s: no frames to score", head->origin);
    return head->kind->score(head->model, features, frames, frame_logits, clip_logit, err);
}

double fal_head_probability(const fal_calibration *c, double clip_logit, int64_t frames)
{
    double x = c->slope * clip_logit + c->length_slope * log((double)frames) + c->offset;
    double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}
