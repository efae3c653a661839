/* Heads: what is trained on top of frozen features. Frame features [frames, dim] in, one logit per frame out, pooled to
 * one clip logit. docs/heads.md has every kind; the linear probe is
 *
 *     f_t = w . x_t / |x_t| + b        frame logit
 *     s   = log sum_t exp(f_t)         clip logit (log-sum-exp pooling)
 *     P   = sigmoid(2 s)               because training uses the logit pair (-s, s)
 *
 * (Boldisor et al. 2026, section 3; code bit-ml/ssr-dfd, linear_probing/model.py; the code has the bias b.) */
#ifndef FALSETTO_HEAD_H
#define FALSETTO_HEAD_H

#include <falsetto/encoder.h>
#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_head fal_head; /* immutable once open; may be shared by threads */

/* P(fake) from a clip logit and its number of frames: sigmoid(slope * s + length_slope * log(frames) + offset).
 * The clip logit grows with log(frames) (equal frame logits x pool to x + log T), hence the second term.
 * Without a fit: slope 2, the rest 0, which is the probe's own sigmoid(2 s).
 * With knots, a straight line from each to the next takes the sigmoid's place: P as a function of its argument, level
 * outside the knots. */
enum { FAL_CALIBRATION_KNOTS = 64 };
typedef struct fal_calibration {
    bool fitted;
    double slope, length_slope, offset;
    double low, high; /* P below low: REAL; above high: FAKE; between: SUSPICIOUS */
    int knot_count;   /* 0: the sigmoid */
    double knot_x[FAL_CALIBRATION_KNOTS], knot_p[FAL_CALIBRATION_KNOTS]; /* both rise */
} fal_calibration;

enum { FAL_HEAD_PARTS = 64 };

/* One of the feature arrays that a row is made of, side by side. */
typedef struct fal_head_part {
    const char *array; /* its key in a feature file: "audio", "visual", "multimodal", "hidden_7"; NULL: not recorded */
    int64_t dim;
} fal_head_part;

typedef struct fal_head_description {
    const char *kind;           /* "probe", "layers", "transformer", "ntp", "sync", "sup" */
    const char *origin;         /* path it was read from */
    int64_t dim;                /* features it takes: sum over the parts */
    const fal_head_part *parts; /* one for most heads; visual and audio for sync; one per layer for layers */
    size_t part_count;
    bool stream_known;
    fal_stream stream;   /* which features; from the file when it says, else unknown */
    const char *encoder; /* what the features were made with, e.g. "avhubert-random", or NULL when not recorded */
    const char *family, *feature; /* of that encoder, or NULL when not recorded */
    bool l2_normalise;            /* every part of a row is divided by its Euclidean norm first */
    bool demonstration;           /* trained on drawn puppets: shows the pipeline, judges nothing real */
    fal_calibration calibration;
} fal_head_description;

/* Reads our own safetensors form and the official Lightning checkpoints (bit-ml/ssr-dfd). The path "builtin:puppet" is
 * the embedded demonstration probe for `avhubert-random`. */
FAL_API fal_status fal_head_open(const char *path, const fal_log *log, fal_head **out, fal_error *err);
FAL_API void fal_head_free(fal_head **head);
FAL_API const fal_head_description *fal_head_describe(const fal_head *head);

/* Frame logits of features [frames, dim] into frame_logits [frames], and the pooled clip logit. frames = 0 is an error
 * (log-sum-exp of nothing). A zero feature row counts as zeros after normalisation. */
FAL_API fal_status fal_head_score(const fal_head *head, const float *features, int64_t frames, int64_t dim,
                                  float *frame_logits, double *clip_logit, fal_error *err);
/* Calibrated P(fake) of a clip logit; frames >= 1. */
FAL_API double fal_head_probability(const fal_calibration *calibration, double clip_logit, int64_t frames);

/* ---- scoring a feature list -------------------------------------------------------------------------------------- */

/* A labelled feature list: `csv` has the columns path,label; features lie under `root` as <path without its last four
 * characters>.npz or .npy, as the official extractors write them. */
typedef struct fal_feature_list {
    const char *csv;
    const char *root;
} fal_feature_list;

typedef struct fal_scored_clip {
    const char *path;
    int label; /* 0 real, 1 fake, -1 without label */
    int64_t frames;
    double logit;              /* raw clip logit, for parity with published results */
    double p_fake;             /* calibrated */
    const float *frame_logits; /* [frames] */
} fal_scored_clip;

typedef struct fal_scored_list {
    fal_scored_clip *clips;
    size_t count;
    size_t missing; /* rows without a feature file */
    size_t empty;   /* clips of too few frames: none, or one for ntp */
    void *storage;
} fal_scored_list;

/* Scores every clip of a list; missing features are counted and named in the log, never silently dropped. */
FAL_API fal_status fal_head_score_list(const fal_head *head, const fal_feature_list *list, fal_stream stream,
                                       const fal_log *log, fal_scored_list *out, fal_error *err);
/* Writes a score file (scores.h), columns path,score,label,p_fake,frames; an unknown label is empty. Atomic. */
FAL_API fal_status fal_scored_list_write(const fal_scored_list *list, const char *path, fal_error *err);
FAL_API void fal_scored_list_free(fal_scored_list *list);

/* Frames of the clip (at 25 per second) before its first feature row, as `extract` records them in the file when it
 * trims leading silence; 0 when nothing is recorded. root and clip_path as in fal_feature_list. */
FAL_API fal_status fal_feature_offset(const char *root, const char *clip_path, int64_t *frames, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
