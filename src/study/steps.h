/* What a study has done already, so that only what is missing or has other inputs is done again.
 *
 * A step has a name ("train/AV1M/clip/probe-43"), inputs told as lines of text (options, checksums of files, keys of
 * the steps before it), and mostly one file that it makes. The key is the SHA-256 of the inputs; <folder>/<name>.json
 * records it together with the checksum of the file. A step is done while both still hold. Inside src/study only. */
#ifndef FAL_STUDY_STEPS_H
#define FAL_STUDY_STEPS_H

#include "core/buf.h"
#include "core/digest.h"
#include "core/log.h"

#include <falsetto/study.h>

typedef struct fal_steps fal_steps;

/* only: steps of other stages are not run. log may be NULL. */
fal_status fal_steps_open(const char *folder, fal_study_stage only, const fal_log *log, fal_steps **out,
                          fal_error *err);
void fal_steps_free(fal_steps **steps);
fal_study_report fal_steps_report(const fal_steps *steps);

typedef struct fal_step {
    fal_study_stage stage;
    const char *name;
    const char *output; /* the file it makes; NULL: none to be checked */
    fal_buf inputs;     /* the owner's to free */
} fal_step;

/* Inputs. A file counts by its SHA-256, one above 16 MiB by size and time. */
void fal_step_text(fal_step *step, const char *what, const char *text);
void fal_step_int(fal_step *step, const char *what, int64_t value);
void fal_step_real(fal_step *step, const char *what, double value);
fal_status fal_step_file(fal_step *step, const char *what, const char *path, fal_error *err);

typedef char fal_step_key[FAL_SHA256_HEX];
fal_status fal_step_make_key(const fal_step *step, fal_step_key key, fal_error *err);

/* Runs make(user) unless the step is done; key (may be NULL) gets the step's key. A step that failed before in this
 * study fails in the same words without being tried again. FAL_ERR_NOT_FOUND when it is not done and its stage is not
 * wanted. */
typedef fal_status fal_step_fn(void *user, fal_error *err);
fal_status fal_steps_run(fal_steps *steps, const fal_step *step, fal_step_fn *make, void *user, fal_step_key key,
                         fal_error *err);

/* The parts of it, for work that does several steps at once. */
bool fal_steps_wanted(const fal_steps *steps, fal_study_stage stage);
bool fal_steps_done(const fal_steps *steps, const fal_step *step, const fal_step_key key, int64_t *count);
/* count: any number to be kept with the step, fal_steps_done gives it back. */
fal_status fal_steps_record(fal_steps *steps, const fal_step *step, const fal_step_key key, int64_t count,
                            fal_error *err);
void fal_steps_note_kept(fal_steps *steps);
void fal_steps_note_failed(fal_steps *steps);
void fal_steps_note_absent(fal_steps *steps);

/* True for errors that end a study instead of leaving a cell empty. */
bool fal_study_fatal(fal_status status);

#endif
