/* Inside of fal_head, for the files of this folder and those that make heads. */
#ifndef FAL_HEAD_HEAD_H
#define FAL_HEAD_HEAD_H

#include "head/kind.h"
#include "weights/safetensors_write.h"

const fal_head_kind *fal_head_kind_find(const char *name); /* NULL: no such kind */
size_t fal_head_kind_count(void);
const fal_head_kind *fal_head_kind_at(size_t index);

enum { FAL_HEAD_FACTS = 5 }; /* head_file.c names them */

struct fal_head {
    const fal_head_kind *kind;
    fal_head_shape shape;
    union {
        char bytes[FAL_HEAD_CONFIG];
        int64_t align;
        double align_real;
        void *align_pointer;
    } config; /* the kind's own */
    fal_params params;
    fal_head_part parts[FAL_HEAD_PARTS];
    fal_head_description about;
    /* Storage behind `about` and `parts`; arrays: names with NUL between. */
    char *origin, *encoder, *family, *feature, *arrays;
    char *facts[FAL_HEAD_FACTS]; /* of its training, as its file tells them; NULL: not told */
};

/* A head of a kind with its shape and configuration and undrawn parameters: what training starts from. `arrays` as in
 * fal_head_training, or NULL when not known. */
fal_status fal_head_create(const fal_head_kind *kind, const fal_head_shape *shape, const char *arrays,
                           const fal_head_training *training, fal_head **out, fal_error *err);

/* Keeps copies of what the features were made with; NULL: not known. */
fal_status fal_head_keep_source(fal_head *head, const char *encoder, const char *family, const char *feature,
                                fal_error *err);

/* Rows [frames, dim] with every part divided by its Euclidean norm (zero parts stay) into y, which may be x; the number
 * of parts that were zero. */
int64_t fal_head_normalise(const fal_head_shape *shape, const float *x, int64_t frames, float *y);

/* head_file.c: what a file says beside tensors and configuration. Parts: "6+8", when the rows are several arrays. */
fal_status fal_head_read_parts(const fal_checkpoint *ckpt, fal_head_shape *shape, fal_error *err);
fal_status fal_head_read_about(const fal_checkpoint *ckpt, fal_head *head, fal_error *err);
/* Extra metadata (training facts) may be NULL with a count of 0. Atomic. */
fal_status fal_head_write(const fal_head *head, const fal_metadata *facts, size_t fact_count, const char *path,
                          fal_error *err);

/* train.c: the seed of a training: 43, as official, unless told. */
uint64_t fal_training_seed(const fal_head_training *training);
/* Fits `head` (drawn here) on two sets whose rows are normalised already, and calibrates it. */
fal_status fal_head_fit(fal_head *head, const fal_head_training *training, const fal_feature_set *train,
                        const fal_feature_set *validation, fal_training_report *report, fal_error *err);

/* calibrate.c: logistic regression of the labels on (s - log T, log T) with Platt's smoothed targets: what P(fake)
 * rests on. Leaves `fitted` false when a class is missing or fakes score below reals. */
typedef struct fal_labelled_scores {
    const double *scores;
    const int64_t *frames;
    const uint8_t *labels;
    size_t count;
} fal_labelled_scores;
fal_status fal_calibrate(const fal_labelled_scores *clips, fal_calibration_method method, fal_calibration *out,
                         fal_error *err);
/* What stands for a label among `count` clips of its class: near 0 and 1, so that nothing is certain. */
static inline double fal_platt_target(int label, size_t count)
{
    return ((double)count * label + 1) / ((double)count + 2);
}
/* isotonic.c: gives a fitted calibration its knots. */
fal_status fal_calibrate_isotonic(const fal_labelled_scores *clips, fal_calibration *calibration, fal_error *err);
/* The sigmoid's argument: slope * s + length_slope * log(frames) + offset. */
double fal_calibration_argument(const fal_calibration *calibration, double clip_logit, int64_t frames);

#endif
