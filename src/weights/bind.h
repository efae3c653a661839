/* Declared binding: a family states its tensors as rows (field, name, shape, initial value); one binder finds and
 * checks them all, and one report names every missing, misshapen and surplus tensor.
 *
 *   typedef struct { fal_tensor q_w, q_b; } layer;
 *   static const fal_weight_row layer_rows[] = {
 *       {FAL_FIELD(layer, q_w), "attention.q_proj.weight|self_attn.q_proj.weight", "H H", FAL_INIT_NORMAL(0.02)},
 *       {FAL_FIELD(layer, q_b), "attention.q_proj.bias|self_attn.q_proj.bias", "H", FAL_INIT_ZERO},
 *   };
 *   fal_bind_rows(bind, "encoder.layers.3.", layer_rows, FAL_COUNT(layer_rows), &layers[3]);
 *
 * Names: '|' separates spellings, the first is the canonical one (used by `models import`). A leading '?' marks an
 * optional tensor (its fal_tensor keeps data == NULL). Shapes: space-separated numbers, upper-case letters, or a
 * number times a letter ("3D"). A letter stands for a dimension: the first tensor that binds fixes it unless the
 * family has set it before with fal_bind_dim; later tensors must agree ("_" matches anything). */
#ifndef FAL_WEIGHTS_BIND_H
#define FAL_WEIGHTS_BIND_H

#include "weights/checkpoint.h"

typedef enum fal_init_kind {
    FAL_INIT_KIND_NONE,     /* no random initialisation (a random model leaves the tensor out if it is optional) */
    FAL_INIT_KIND_CONST,    /* every element = a */
    FAL_INIT_KIND_UNIFORM,  /* uniform in [-a, a) */
    FAL_INIT_KIND_UNIFORM01,/* uniform in [0, 1) */
    FAL_INIT_KIND_NORMAL,   /* mean 0, standard deviation a */
    FAL_INIT_KIND_FAN_IN,   /* uniform +-a/sqrt(fan-in): of the shape `fan`, or all axes but the first */
    FAL_INIT_KIND_FAN_OUT_NORMAL, /* normal, std sqrt(a / (shape[0] * kernel elements)): a = 2 is He fan-out */
    FAL_INIT_KIND_XAVIER,   /* uniform +-a*sqrt(6 / (fan_in + fan_out)) */
    FAL_INIT_KIND_FAMILY    /* drawn by the family's own callback */
} fal_init_kind;

typedef struct fal_init {
    fal_init_kind kind;
    double a;
    const char *fan; /* FAN_IN of a bias: shape whose product is the fan-in, e.g. "D" or "D 3 3"; else NULL */
} fal_init;
#define FAL_INIT_NONE {FAL_INIT_KIND_NONE, 0, NULL}
#define FAL_INIT_ZERO {FAL_INIT_KIND_CONST, 0, NULL}
#define FAL_INIT_ONE {FAL_INIT_KIND_CONST, 1, NULL}
#define FAL_INIT_CONST(v) {FAL_INIT_KIND_CONST, (v), NULL}
#define FAL_INIT_NORMAL(std) {FAL_INIT_KIND_NORMAL, (std), NULL}
#define FAL_INIT_UNIFORM(a) {FAL_INIT_KIND_UNIFORM, (a), NULL}
#define FAL_INIT_UNIFORM01 {FAL_INIT_KIND_UNIFORM01, 0, NULL}
#define FAL_INIT_FAN_IN(a) {FAL_INIT_KIND_FAN_IN, (a), NULL}
/* PyTorch's default for the bias of a Linear or a convolution: FAL_INIT_FAN_IN_OF(1, "D"). */
#define FAL_INIT_FAN_IN_OF(a, fan) {FAL_INIT_KIND_FAN_IN, (a), (fan)}
#define FAL_INIT_HE_FAN_OUT {FAL_INIT_KIND_FAN_OUT_NORMAL, 2, NULL}
#define FAL_INIT_XAVIER(gain) {FAL_INIT_KIND_XAVIER, (gain), NULL}
#define FAL_INIT_FAMILY {FAL_INIT_KIND_FAMILY, 0, NULL}

typedef struct fal_weight_row {
    size_t offset;      /* of a fal_tensor in the destination struct: FAL_FIELD */
    const char *name;
    const char *shape;
    fal_init init;
} fal_weight_row;
#define FAL_FIELD(type, field) offsetof(type, field)
#define FAL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct fal_bind fal_bind;

/* Draws a FAL_INIT_KIND_FAMILY tensor: `name` is the canonical full name, `out` contiguous float32. Runs after all
 * other tensors were drawn; fal_bind_peek finds them by canonical full name. */
typedef void fal_init_fn(const fal_bind *bind, const char *name, const fal_tensor *shape, uint64_t seed, float *out);

/* Two sources for the same rows. From a file: tensors of `ckpt`, which must outlive the binder, whose names start with
 * `prefix` (may be ""). From a seed: float32 tensors drawn by each row's init rule from fal_rng streams named by the
 * canonical full name; every letter must have been set with fal_bind_dim; memory belongs to the binder; values are
 * there after fal_bind_finish. */
fal_status fal_bind_open(const fal_checkpoint *ckpt, const char *prefix, fal_bind **out, fal_error *err);
fal_status fal_bind_random(uint64_t seed, fal_init_fn *draw, int threads, fal_bind **out, fal_error *err);
/* Tensors drawn from a seed die with the binder, tensors of a file with the checkpoint. */
void fal_bind_free(fal_bind **bind);
bool fal_bind_is_random(const fal_bind *bind);

void fal_bind_dim(fal_bind *bind, char letter, int64_t value);
int64_t fal_bind_get_dim(const fal_bind *bind, char letter); /* 0: not fixed yet */

/* Binds rows below `group` (a prefix inside the model such as "encoder.layers.3."; '|' spellings allowed too, e.g.
 * "encoder.layers.3.|blocks.3."). Mistakes are collected, not returned. */
void fal_bind_rows(fal_bind *bind, const char *group, const fal_weight_row *rows, size_t count, void *target);

/* How many consecutive indices N from 0 exist with a tensor name starting with sprintf(pattern, N), at most 512;
 * pattern has one %d. */
int64_t fal_bind_count(const fal_bind *bind, const char *pattern);
/* A tensor below the prefix by name ('|' spellings), or NULL: for looking at shapes before binding. Not counted as
 * used. */
const fal_tensor *fal_bind_peek(const fal_bind *bind, const char *name);

/* Ends binding: fails with one report (up to 12 names per kind, then a count) if anything was missing or misshapen, or
 * below the prefix unclaimed and not matched by `ignored` (NULL-terminated list of globs such as "quantizer.*"). */
fal_status fal_bind_finish(fal_bind *bind, const char *const *ignored, fal_error *err);

/* Whether the index-th tensor of the checkpoint (fal_checkpoint_at) was bound, or claimed with a wrong shape. */
bool fal_bind_is_used(const fal_bind *bind, size_t index);

/* What was bound, with canonical full names (without the file's prefix): for `models import`, counting parameters. */
size_t fal_bind_bound_count(const fal_bind *bind);
const fal_named_tensor *fal_bind_bound_at(const fal_bind *bind, size_t index);

#endif
