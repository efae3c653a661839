/* Everything that can be said about whether a model file is in order, as facts; model_verify.c writes them. */
#ifndef FAL_ENCODER_VERIFY_H
#define FAL_ENCODER_VERIFY_H

#include "core/digest.h"
#include "encoder/loaded.h"
#include "encoder/place.h"

enum { FAL_VERIFY_NAMES = 8, FAL_VERIFY_PROBLEMS = 16 };

/* A tensor with values that are not finite; `name` belongs to the checkpoint. */
typedef struct fal_odd_tensor {
    const char *name;
    int64_t values, odd;
    bool used; /* by the encoder */
} fal_odd_tensor;

/* One file of the model, and what it should be. */
typedef struct fal_verified_file {
    char *path;
    fal_file_digest digest;
    const char *expected; /* SHA-256, or MD5 (also its first digits); NULL: not known */
    const char *kind;     /* "SHA-256", "MD5" */
    const char *from;     /* "receipt", "catalogue" */
    bool agrees;
} fal_verified_file;

typedef struct fal_verification {
    fal_place place;
    fal_loaded loaded; /* as far as opening got */
    bool opens;
    size_t checked_members; /* zip members whose checksum agrees; 0: the container has none */
    size_t tensors, used;   /* in the file, and of these bound */
    bool scanned;           /* the values were looked at */
    size_t odd_tensors;     /* with values that are not finite, used or not */
    fal_odd_tensor odd[FAL_VERIFY_NAMES];
    fal_verified_file *files;
    size_t file_count;
    fal_json *receipt;                   /* pull.json beside the files, NULL without */
    char *problems[FAL_VERIFY_PROBLEMS]; /* sentences; none: the file is in order */
    size_t problem_count;
} fal_verification;

/* Fails only when there is nothing to look at, or memory runs out. */
fal_status fal_verify(const char *source, const fal_encoder_options *options, fal_verification *out, fal_error *err);
void fal_verification_free(fal_verification *v);

#endif
