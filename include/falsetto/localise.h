/* Where in a clip a fake is: frame labels from AV-Deepfake1M's metadata, how well frame scores follow them, time
 * segments made from frame scores, and the official AP@IoU and AR@N of such segments (docs/metrics.md). */
#ifndef FALSETTO_LOCALISE_H
#define FALSETTO_LOCALISE_H

#include <falsetto/eval.h>
#include <falsetto/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what is true ------------------------------------------------------------------------------------------------ */

typedef struct fal_segment {
    double begin_s, end_s;
} fal_segment;

typedef enum fal_segment_field {
    FAL_SEGMENTS_ANY,    /* "fake_segments": sound or picture */
    FAL_SEGMENTS_AUDIO,  /* "audio_fake_segments" */
    FAL_SEGMENTS_VISUAL  /* "visual_fake_segments" */
} fal_segment_field;

typedef struct fal_segment_set {
    const fal_segment *items;
    size_t count;
} fal_segment_set;

typedef struct fal_true_clip {
    const char *file;               /* as the metadata writes it; each once */
    fal_segment_set segments[3];    /* by fal_segment_field; a field that is absent has none */
} fal_true_clip;

typedef struct fal_truth {
    size_t count;
    const fal_true_clip *clips;     /* in file order */
    void *storage;
} fal_truth;

/* Metadata as AV-Deepfake1M has it: an array of objects with `file` and segments of [begin, end] in seconds (a single
 * object is an array of one); other members are passed over. Files of any length are read object by object. A folder
 * stands for all .json files in it and below, as AV-Deepfake1M++ has one beside every clip. */
FAL_API fal_status fal_truth_read(const char *path, fal_truth *out, fal_error *err);
FAL_API fal_status fal_truth_parse(const char *text, size_t length, const char *origin, fal_truth *out, fal_error *err);
FAL_API void fal_truth_free(fal_truth *truth);
/* The clip whose `file` is `path`, or else the end of `path` after a '/', the longest such; NULL: none. */
FAL_API const fal_true_clip *fal_truth_find(const fal_truth *truth, const char *path);

/* ---- frame scores ------------------------------------------------------------------------------------------------ */

typedef enum fal_frame_rule {
    FAL_FRAMES_LOADER,  /* int(begin * rate) .. int(end * rate) - 1: AV-Deepfake1M's own data loader */
    FAL_FRAMES_OVERLAP, /* every frame that a segment touches: floor(begin * rate) .. ceil(end * rate) - 1 */
    FAL_FRAMES_CENTER   /* every frame whose middle lies in a segment */
} fal_frame_rule;

/* labels [frames]: 1 for frames first .. first + frames - 1 that a segment covers. rate_hz: frames per second. */
FAL_API void fal_frame_labels(const fal_segment_set *segments, fal_frame_rule rule, double rate_hz, int64_t first,
                              int64_t frames, uint8_t *labels);

typedef struct fal_frame_scores {
    const char *path;      /* matched with fal_truth_find */
    const float *scores;   /* [frames] */
    int64_t frames;
    int64_t offset;        /* frames of the clip before the first score (trimmed silence) */
} fal_frame_scores;

typedef struct fal_localisation_options {
    fal_segment_field field;
    fal_frame_rule rule;
    bool all_clips;        /* true: clips without a segment of the field as well */
    double rate_hz;        /* 0: 25 */
} fal_localisation_options;

typedef struct fal_localisation {
    size_t clips, frames, fake_frames; /* in the pool */
    double auc, ap;                    /* of all frames in one pool; NaN without both classes */
    size_t clips_with_both;            /* clips that have fake and real frames */
    double macro_auc;                  /* mean of their AUCs; NaN without one */
    size_t unknown;                    /* scored clips that the metadata do not hold */
    const char *first_unknown;         /* the caller's */
} fal_localisation;

/* The clips of `truth` that were scored, in its order; shares its names and segments, so it must be freed first. */
FAL_API fal_status fal_truth_select(const fal_truth *truth, const fal_frame_scores *clips, size_t count, fal_truth *out,
                                    fal_error *err);

FAL_API fal_status fal_localise(const fal_truth *truth, const fal_frame_scores *clips, size_t count,
                                const fal_localisation_options *options, fal_localisation *out, fal_error *err);

/* ---- segments from frame scores, and how good they are ----------------------------------------------------------- */

typedef struct fal_proposal {
    double confidence, begin, end; /* in seconds, or in frames when a file says so */
} fal_proposal;

typedef struct fal_proposal_set {
    const char *file;
    const fal_proposal *items;
    size_t count;
} fal_proposal_set;

typedef struct fal_proposals {
    size_t count;
    const fal_proposal_set *clips; /* each file once */
    void *storage;
} fal_proposals;

/* The official form {"file": [[confidence, begin, end], ...], ...}. A confidence that is not a number is an error. */
FAL_API fal_status fal_proposals_read(const char *path, fal_proposals *out, fal_error *err);
FAL_API fal_status fal_proposals_parse(const char *text, size_t length, const char *origin, fal_proposals *out,
                                       fal_error *err);
FAL_API fal_status fal_proposals_write(const fal_proposals *proposals, const char *path, fal_error *err);
FAL_API void fal_proposals_free(fal_proposals *proposals);

typedef struct fal_segmentation {
    const double *thresholds;  /* frame scores; none: 0, a probe's own boundary */
    size_t threshold_count;    /* one segment list is made at every threshold, equal segments are kept once */
    double merge_s;            /* gaps up to this are closed; 0: 0.12, negative: none */
    double shortest_s;         /* segments below this are dropped; 0: 0.08, negative: none */
    double rate_hz;            /* of the scores; 0: 25 */
} fal_segmentation;

/* Runs of frames at a threshold or above, in seconds of the clip; confidence: mean frame score inside. By confidence,
 * highest first, as AR@N wants them. `file` of each set is the clip's name in `truth` when it is known there, else its
 * own path. */
FAL_API fal_status fal_propose(const fal_truth *truth, const fal_frame_scores *clips, size_t count,
                               const fal_segmentation *how, fal_proposals *out, fal_error *err);

enum { FAL_AP_IOUS = 4, FAL_AR_COUNTS = 5 };
typedef struct fal_ap_ar {
    double iou[FAL_AP_IOUS];     /* the official ones: 0.5, 0.75, 0.9, 0.95 */
    double ap[FAL_AP_IOUS];      /* at each; NaN when no clip has a segment */
    size_t first[FAL_AR_COUNTS]; /* proposals of a clip that count: 50, 30, 20, 10, 5 */
    double ar[FAL_AR_COUNTS];    /* of each: mean recall over IoU 0.5, 0.55, ... 0.95 */
    double score;            /* mean AP / 2 + mean AR / 2, the challenge's score */
    size_t segments, proposals;
} fal_ap_ar;

/* As the package avdeepfake1m computes it, in float32 and with its quirks (docs/metrics.md): AP leaves out the stretch
 * from recall 0 to the first proposal, so that perfect proposals for n segments get (n - 1) / n; AR passes over clips
 * whose proposal list is empty. Begin and end are divided by `per_second` (1: they are seconds). A clip of the metadata
 * without an entry is an error; entries for other files are passed over. */
FAL_API fal_status fal_ap_ar_measure(const fal_truth *truth, fal_segment_field field, const fal_proposals *proposals,
                                     double per_second, fal_ap_ar *out, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
