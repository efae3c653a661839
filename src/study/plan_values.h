/* Members of a configuration's objects, checked as they are taken. Inside src/study only. */
#ifndef FAL_STUDY_PLAN_VALUES_H
#define FAL_STUDY_PLAN_VALUES_H

#include "core/arena.h"
#include "core/json.h"

/* An object and where it stands, for messages: "paper.json: encoders.clip". */
typedef struct fal_place_in_plan {
    const fal_json *object;
    const char *origin;
    const char *name;
    fal_arena *arena;
} fal_place_in_plan;

/* The object must hold nothing but these names (NULL-terminated). */
fal_status fal_plan_known(const fal_place_in_plan *at, const char *const *names, fal_error *err);

/* Text is copied into the arena. Absent members leave *out as it is; those of another type are errors. */
fal_status fal_plan_text(const fal_place_in_plan *at, const char *key, const char **out, fal_error *err);
fal_status fal_plan_need_text(const fal_place_in_plan *at, const char *key, const char **out, fal_error *err);
fal_status fal_plan_int(const fal_place_in_plan *at, const char *key, int64_t low, int64_t high, int64_t *out,
                        fal_error *err);
fal_status fal_plan_real(const fal_place_in_plan *at, const char *key, double low, double high, double *out,
                         fal_error *err);
fal_status fal_plan_bool(const fal_place_in_plan *at, const char *key, bool *out, fal_error *err);

/* Names become parts of file names: letters, digits, '-', '_' and '.', not first. */
fal_status fal_plan_check_id(const fal_place_in_plan *at, const char *id, fal_error *err);

/* dir/name in the arena; an absolute name stays. */
fal_status fal_plan_join(fal_arena *arena, const char *dir, const char *name, const char **out, fal_error *err);

#endif
