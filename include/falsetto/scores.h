/* Scores on disk: CSV files with the columns path,score,label (or paths,scores,labels, as the official code names
 * them), read, joined by path, and looked at group by group. Score: a logit, higher is more fake; label: 0 real, 1
 * fake. */
#ifndef FALSETTO_SCORES_H
#define FALSETTO_SCORES_H

#include <falsetto/eval.h>
#include <falsetto/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one detector ------------------------------------------------------------------------------------------------ */

typedef struct fal_score_table {
    const char *origin;          /* the file, for messages */
    size_t count;
    const char *const *paths;    /* [count], in file order; each once */
    const double *scores;        /* [count] */
    const uint8_t *labels;       /* [count] */
    size_t unlabelled;           /* rows whose label is empty: not among these */
    const char *first_unlabelled;
    void *storage;
} fal_score_table;

/* A score that is not a number, a label other than 0 and 1 (0.0 and 1.0 too) and a path that comes twice are errors
 * that name the first and its line, and count the scores that are not numbers. Other columns are passed over. */
FAL_API fal_status fal_scores_read(const char *path, fal_score_table *out, fal_error *err);
FAL_API fal_status fal_scores_parse(const char *text, size_t length, const char *origin, fal_score_table *out,
                                    fal_error *err);
/* The same from memory: labels 0, 1 or -1 for none. Everything is copied. */
FAL_API fal_status fal_scores_make(const char *origin, const char *const *paths, const double *scores,
                                   const int *labels, size_t count, fal_score_table *out, fal_error *err);
FAL_API void fal_scores_free(fal_score_table *table);

/* Writes columns path,score,label. Atomic. */
FAL_API fal_status fal_scores_write(const char *path, const char *const *paths, const double *scores,
                                    const uint8_t *labels, size_t count, fal_error *err);

/* ---- several on the same clips ----------------------------------------------------------------------------------- */

typedef struct fal_score_join {
    size_t models, count;
    const char *const *paths;       /* [count], sorted */
    const uint8_t *labels;          /* [count] */
    const double *const *scores;    /* scores[model][clip] */
    const size_t *left_out;         /* [models]: clips of each table that another one lacks */
    void *storage;
} fal_score_join;

/* The clips that all tables hold. Tables that disagree about a label are an error that names the clip; so is having no
 * clip in common. The result does not need the tables. */
FAL_API fal_status fal_scores_join(const fal_score_table *tables, size_t count, fal_score_join *out, fal_error *err);
FAL_API void fal_scores_join_free(fal_score_join *join);

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* How one group of clips is judged. */
typedef enum fal_group_rule {
    FAL_GROUP_BY_ITSELF,         /* it holds both classes */
    FAL_GROUP_AGAINST_ALL_REALS, /* it holds fakes only: they are told from all reals of the table */
    FAL_GROUP_REALS_ONLY         /* it holds reals only: nothing to tell apart, no numbers */
} fal_group_rule;

typedef struct fal_group {
    const char *name;          /* the cell; an empty one is "" */
    fal_group_rule rule;
    size_t fakes, reals;       /* of the group itself */
    fal_evaluation evaluation; /* of nothing (all zero) for reals only */
} fal_group;

typedef struct fal_breakdown {
    size_t count;
    const fal_group *groups;   /* sorted by name */
    size_t unlisted;           /* clips of the table that the list does not hold; in no group */
    const char *first_unlisted; /* the table's */
    void *storage;
} fal_breakdown;

/* The table's clips by what column `column` of the list `csv` (columns path or paths, and that one) says about them. */
FAL_API fal_status fal_breakdown_make(const fal_score_table *table, const char *csv, const char *column,
                                      const fal_evaluation_options *options, fal_breakdown *out, fal_error *err);
FAL_API void fal_breakdown_free(fal_breakdown *breakdown);

#ifdef __cplusplus
}
#endif
#endif
