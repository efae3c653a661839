/* What the tests of the transformer classifier and of next-token prediction share: the reference cases, which have the
 * same files, and a small head on made-up clips. For tests that link the head and feature folders. */
#ifndef FAL_TESTS_HEAD_STACK_CASE_H
#define FAL_TESTS_HEAD_STACK_CASE_H

#include "core/json.h"
#include "feature/feature_set.h"
#include "state.h"

/* A reference case: the head with its initial parameters and its clips, rows normalised. */
typedef struct stack_case {
    const char *name;
    fal_json *json;
    fal_feature_set set;
    fal_head *head;
} stack_case;

stack_case stack_case_open(const char *name, const fal_head_kind *kind, const char *arrays);
void stack_case_close(stack_case *c);

/* Rows of clip 3 and what the layers make of them: dbg_*.npy. */
void stack_case_check_stages(const stack_case *c);
/* Score of every clip; frame scores from frame `first` on are in <frames>_<clip>.npy. */
void stack_case_check_scores(const stack_case *c, const fal_head *head, const char *frames, const char *tolerance,
                             int64_t first);
/* Gradients of one clip and of a batch, with 1 and 3 threads. */
void stack_case_check_gradients(const stack_case *c);
/* Losses of 20 steps and the parameters after steps 1, 5 and 20. */
void stack_case_check_training(stack_case *c);

/* ---- made-up clips ---- */

enum { STACK_CLIPS = 12, STACK_FRAMES = 9, STACK_DIM = 6 };

typedef struct stack_clips {
    fal_clip_features clips[STACK_CLIPS];
    float rows[STACK_CLIPS * STACK_FRAMES * STACK_DIM];
} stack_clips;

/* Clips of 1 to STACK_FRAMES frames; fakes (label 1, every other clip unless real_only) jump about, real ones go on as
 * they began. */
fal_feature_set stack_make_clips(stack_clips *clips, uint64_t seed, bool real_only);
fal_head *stack_make_head(const fal_head_kind *kind);
/* Width 8, 2 layers, 2 heads, ffn 12, 3 epochs. */
fal_head_training stack_training(void);

/* Sum of the losses of some clips, and the gradient of scale * it if that is not NULL. */
double stack_loss(const fal_head *head, const fal_samples *parts, size_t count, double scale, int threads,
                  float *gradient);
/* The gradient along random directions against differences of the loss. */
void stack_check_differences(const fal_head_kind *kind);
/* Fitted, written and opened again, with and without stopping on the way: the same bytes and scores. */
void stack_check_whole_run(const fal_head_kind *kind, bool real_only);
/* Files of the kind with something wrong. */
void stack_check_bad_files(const fal_head_kind *kind);
void stack_check_alloc_failures(const fal_head_kind *kind, bool real_only);

#endif
