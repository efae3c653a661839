/* What a detector does when clips are made worse: compressed, filtered, cut. docs/perturb.md lists every perturbation.
 *
 *     fal_judge_member member = {.encoder = "avhubert-random", .head = "builtin:puppet"};
 *     fal_robustness_options options = {.csv = "test.csv", .members = &member, .member_count = 1,
 *                                       .results = "robustness.csv"};
 *     fal_robustness *r = NULL;
 *     if (fal_robustness_run(&options, &r, &err)) fail(err.text);
 *     for (size_t i = 0; i < r->cell_count; i++)
 *         printf("%s %g: AUC %.3f\n", r->cells[i].name, r->cells[i].severity, r->cells[i].auc);
 *     fal_robustness_free(&r);
 */
#ifndef FALSETTO_PERTURB_H
#define FALSETTO_PERTURB_H

#include <falsetto/eval.h>
#include <falsetto/judge.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- perturbations ----------------------------------------------------------------------------------------------- */

enum { FAL_PERTURBATION_SEVERITIES = 5 };

typedef struct fal_perturbation {
    const char *name;      /* "h264" */
    const char *what;      /* "H.264 anew" */
    const char *unit;      /* of the severities: "CRF" */
    bool picture, sound;   /* which streams it changes; the other is copied as it is */
    double severities[FAL_PERTURBATION_SEVERITIES]; /* mild to hard */
    size_t severity_count;
    const char *missing;   /* encoder that this FFmpeg does not have; NULL: all there */
} fal_perturbation;

FAL_API size_t fal_perturbation_count(void);
FAL_API fal_perturbation fal_perturbation_at(size_t index); /* index < count */

/* Writes `from` perturbed to the file `to` (Matroska; atomic). `severity` is one of the row's. A clip without a stream
 * that the perturbation changes is FAL_ERR_NOT_FOUND. The same libraries write the same bytes. */
FAL_API fal_status fal_perturb_clip(const char *from, const char *name, double severity, const char *to,
                                    fal_error *err);

/* ---- the table of robustness ------------------------------------------------------------------------------------- */

typedef struct fal_robustness_options {
    const char *csv;            /* columns path and label */
    const char *root;           /* folder of the paths; NULL: the list's own */
    const fal_judge_member *members;
    size_t member_count;
    const char *const *names;   /* perturbations; NULL: all that this FFmpeg can make */
    size_t name_count;
    const char *results;        /* CSV of every clip's score in every cell, written clip by clip and gone on from; NULL:
                                   none */
    const char *temporary;      /* folder for the perturbed clips, one at a time each; NULL: $TMPDIR or /tmp */
    fal_clip_choices choices;   /* of every judgement; its progress is not used */
    fal_number_format numbers;
    int jobs;                   /* clips at the same time, sharing one copy of the encoders; 0: 1 */
    int threads;                /* cores in all; 0: all available */
    const fal_progress *progress;
    const fal_log *log;
} fal_robustness_options;

/* One perturbation at one severity. */
typedef struct fal_robustness_cell {
    const char *name, *unit; /* "clean" is the first cell, with unit "" */
    double severity;
    size_t clips;            /* judged here and clean */
    size_t left_out;         /* not judged here or clean: failed, CANNOT JUDGE, or without the stream */
    double auc;              /* of the fused score over those clips; NaN with a single class or no clips */
    fal_interval interval;   /* 95 %, DeLong; NaN like the AUC */
    double clean_auc;        /* of the same clips, clean */
    double shift;            /* mean of the clips' logits here minus clean */
    double fake_shift, real_shift;
} fal_robustness_cell;

typedef struct fal_robustness_failure {
    const char *path, *name; /* clip and perturbation */
    double severity;
    const char *reason;
} fal_robustness_failure;

typedef struct fal_robustness {
    size_t clips, fakes, reals;
    size_t judged, reused; /* judgements made now, and taken from `results` */
    const fal_robustness_cell *cells;
    size_t cell_count;
    const fal_robustness_failure *failures; /* every clip left out of a cell, and why */
    size_t failure_count;
} fal_robustness;

/* Judges every clip clean and in every cell. The score of a clip is the mean of its members' logits. A clip that fails
 * is in `failures` and stops nothing; FAL_ERR_CANCELLED when told to stop. FAL_ERR_ARGUMENT when `results` holds scores
 * of other encoders or heads. */
FAL_API fal_status fal_robustness_run(const fal_robustness_options *options, fal_robustness **out, fal_error *err);
FAL_API void fal_robustness_free(fal_robustness **robustness);

/* Everything as JSON; freed with fal_text_free. */
FAL_API fal_status fal_robustness_json(const fal_robustness *robustness, char **json, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
