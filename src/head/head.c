/* The registry of heads, and what every kind shares when it is used. */
#include "head/head.h"

#include "core/alloc.h"
#include "core/str.h"
#include "head/builtin.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

/* A file is of the first kind that recognises it. */
static const fal_head_kind *const kinds[] = {
    &fal_head_sup, &fal_head_sync, &fal_head_layers, &fal_head_transformer, &fal_head_ntp, &fal_head_probe,
};

size_t fal_head_kind_count(void)
{
    return FAL_COUNT(kinds);
}

const fal_head_kind *fal_head_kind_at(size_t index)
{
    return index < FAL_COUNT(kinds) ? kinds[index] : NULL;
}

const fal_head_kind *fal_head_kind_find(const char *name)
{
    for (size_t i = 0; i < FAL_COUNT(kinds); i++)
        if (fal_str_eq(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

/* ---- making one ---- */

/* Names of the parts from "visual+audio"; without names the parts have none. */
static fal_status name_parts(fal_head *head, const char *arrays, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t named = 0;
    if (arrays) {
        FAL_ALLOC(head->arrays, fal_strdup(arrays));
        for (char *at = head->arrays; at && named < FAL_HEAD_PARTS; named++) {
            head->parts[named].array = at;
            at = strchr(at, '+');
            if (at)
                *at++ = '\0';
        }
        if (named != head->shape.parts)
            FAL_FAIL(FAL_ERR_FORMAT, "the arrays %s are %zu, but the head takes %zu", arrays, named, head->shape.parts);
    }
    for (size_t i = 0; i < head->shape.parts; i++)
        head->parts[i].dim = head->shape.dims[i];
    head->about.parts = head->parts;
    head->about.part_count = head->shape.parts;
    head->about.dim = head->shape.dim;
done:
    return st;
}

static fal_status keep(const char *text, char **copy, fal_error *err)
{
    fal_status st = FAL_OK;
    if (text)
        FAL_ALLOC(*copy, fal_strdup(text));
done:
    return st;
}

fal_status fal_head_keep_source(fal_head *head, const char *encoder, const char *family, const char *feature,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(keep(encoder, &head->encoder, err));
    FAL_TRY(keep(family, &head->family, err));
    FAL_TRY(keep(feature, &head->feature, err));
    head->about.encoder = head->encoder;
    head->about.family = head->family;
    head->about.feature = head->feature;
done:
    return st;
}

fal_status fal_head_create(const fal_head_kind *kind, const fal_head_shape *shape, const char *arrays,
                           const fal_head_training *training, fal_head **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head *head = NULL;
    FAL_ALLOC(head, fal_calloc(1, sizeof *head));
    head->kind = kind;
    head->shape = *shape;
    head->about = (fal_head_description){.kind = kind->name,
                                         .stream = training->stream,
                                         .stream_known = training->stream != 0,
                                         .l2_normalise = !training->no_l2,
                                         .demonstration = training->demonstration,
                                         .calibration = {.slope = 2, .low = 0.3, .high = 0.7}};
    FAL_TRY(name_parts(head, arrays, err));
    FAL_TRY(fal_head_keep_source(head, training->encoder, training->family, training->feature, err));
    FAL_TRY(kind->configure(training, shape, head->config.bytes, err));
    FAL_TRY(kind->declare(head->config.bytes, &head->params, err));
    FAL_TRY(fal_params_allocate(&head->params, err));
    *out = head, head = NULL;
done:
    fal_head_free(&head);
    return st;
}

/* ---- opening a file ---- */

static fal_status open_file(const char *path, const fal_log *log, fal_checkpoint **out, fal_error *err)
{
    const fal_builtin_head *builtin = fal_builtin_find(path);
    if (builtin)
        return fal_checkpoint_parse(&(fal_source){builtin->bytes, builtin->size, path}, log, out, err);
    return fal_checkpoint_open(path, log, out, err);
}

static const fal_head_kind *recognise(const fal_checkpoint *ckpt)
{
    const fal_head_kind *named = fal_head_kind_find(fal_checkpoint_metadata(ckpt, "falsetto.kind"));
    if (named && named->recognise(ckpt))
        return named;
    for (size_t i = 0; i < FAL_COUNT(kinds); i++)
        if (kinds[i]->recognise(ckpt))
            return kinds[i];
    return NULL;
}

static fal_status read_head(const fal_checkpoint *ckpt, fal_head *head, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(head->kind->read_config(ckpt, head->config.bytes, &head->shape, err));
    FAL_TRY(fal_head_read_parts(ckpt, &head->shape, err));
    const char *arrays = fal_checkpoint_metadata(ckpt, "falsetto.arrays");
    FAL_TRY(name_parts(head, arrays ? arrays : head->shape.arrays, err));
    FAL_TRY(head->kind->declare(head->config.bytes, &head->params, err));
    FAL_TRY(fal_params_allocate(&head->params, err));
    FAL_TRY(fal_params_read(&head->params, ckpt, "", err));
    FAL_TRY(fal_head_read_about(ckpt, head, err));
done:
    if (st != FAL_OK && err && !strstr(err->text, fal_checkpoint_path(ckpt)))
        fal_error_prefix(err, "%s", fal_checkpoint_path(ckpt));
    return st;
}

fal_status fal_head_open(const char *path, const fal_log *log, fal_head **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    fal_head *head = NULL;
    FAL_TRY(open_file(path, log, &ckpt, err));
    size_t count = fal_checkpoint_count(ckpt);
    FAL_ALLOC(head, fal_calloc(1, sizeof *head));
    head->kind = recognise(ckpt);
    if (!head->kind)
        FAL_FAIL(
            FAL_ERR_UNSUPPORTED,
            "%s holds no head: a linear probe has head.weight [1,D] and head.bias [1], docs/heads.md lists the other "
            "kinds; found %zu tensors%s%s",
            path, count, count ? ", the first is " : "", count ? fal_checkpoint_at(ckpt, 0)->name : "");
    FAL_ALLOC(head->origin, fal_strdup(path));
    FAL_TRY(read_head(ckpt, head, err));
    head->about.origin = head->origin;
    head->about.kind = head->kind->name;
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
    fal_params_free(&(*head)->params);
    fal_free((*head)->origin);
    fal_free((*head)->encoder);
    fal_free((*head)->family);
    fal_free((*head)->feature);
    fal_free((*head)->arrays);
    for (size_t i = 0; i < FAL_HEAD_FACTS; i++)
        fal_free((*head)->facts[i]);
    fal_release(head);
}

const fal_head_description *fal_head_describe(const fal_head *head)
{
    return &head->about;
}

/* ---- using it ---- */

int64_t fal_head_normalise(const fal_head_shape *shape, const float *x, int64_t frames, float *y)
{
    int64_t zeros = 0;
    if (shape->parts == 1)
        return fal_l2_normalise_rows(x, frames, shape->dim, y);
    for (int64_t t = 0; t < frames; t++)
        for (size_t p = 0, at = 0; p < shape->parts; at += (size_t)shape->dims[p++]) {
            int64_t from = t * shape->dim + (int64_t)at;
            zeros += fal_l2_normalise_rows(x + from, 1, shape->dims[p], y + from);
        }
    return zeros;
}

static fal_status score(const fal_head *head, const float *features, int64_t frames, float *frame_logits,
                        double *clip_logit, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = NULL;
    const float *rows = features;
    float *normalised;
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = 1}, &run, err));
    fal_run_begin(run);
    if (head->about.l2_normalise) {
        FAL_ALLOC(normalised, fal_run_floats(run, frames * head->shape.dim));
        fal_head_normalise(&head->shape, features, frames, normalised);
        rows = normalised;
    }
    fal_head_pass pass = {.values = head->params.values,
                          .run = run,
                          .rows = rows,
                          .frames = frames,
                          .frame_logits = frame_logits,
                          .clip_logit = clip_logit};
    FAL_TRY(head->kind->score(head->config.bytes, &pass, err));
done:
    fal_run_free(&run);
    return st;
}

fal_status fal_head_score(const fal_head *head, const float *features, int64_t frames, int64_t dim, float *frame_logits,
                          double *clip_logit, fal_error *err)
{
    const char *origin = head->origin ? head->origin : "the head";
    if (dim != head->shape.dim)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s takes features of %lld channels, these have %lld", origin,
                        (long long)head->shape.dim, (long long)dim);
    if (frames < 1)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "%s: no frames to score", origin);
    return score(head, features, frames, frame_logits, clip_logit, err);
}

double fal_calibration_argument(const fal_calibration *c, double clip_logit, int64_t frames)
{
    return c->slope * clip_logit + c->length_slope * log((double)frames) + c->offset;
}

static double between_knots(const fal_calibration *c, double x)
{
    int k = 0;
    if (x <= c->knot_x[0])
        return c->knot_p[0];
    while (k < c->knot_count && c->knot_x[k] < x)
        k++;
    if (k == c->knot_count)
        return c->knot_p[k - 1];
    double share = (x - c->knot_x[k - 1]) / (c->knot_x[k] - c->knot_x[k - 1]);
    return c->knot_p[k - 1] + share * (c->knot_p[k] - c->knot_p[k - 1]);
}

double fal_head_probability(const fal_calibration *c, double clip_logit, int64_t frames)
{
    double x = fal_calibration_argument(c, clip_logit, frames), e = exp(-fabs(x));
    if (c->knot_count > 0)
        return between_knots(c, x);
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}
