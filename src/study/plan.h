/* What a study's configuration says, read and checked. Inside src/study only. */
#ifndef FAL_STUDY_PLAN_H
#define FAL_STUDY_PLAN_H

#include "core/arena.h"
#include "core/json.h"

#include <falsetto/encoder.h>

typedef enum fal_study_split { FAL_SPLIT_TRAIN, FAL_SPLIT_VAL, FAL_SPLIT_TEST, FAL_SPLITS } fal_study_split;
extern const char *const fal_split_names[FAL_SPLITS]; /* "train", "val", "test" */

/* Arguments of the puppet program; zero and NULL: its own default. */
typedef struct fal_study_puppets {
    int64_t clips, seed;
    double seconds, fake_fraction;
    const char *methods, *leading_silence, *splits;
} fal_study_puppets;

typedef struct fal_study_dataset {
    const char *id, *title;
    const char *root;              /* folder of the clips */
    const char *lists[FAL_SPLITS]; /* files; NULL: the dataset has no such split */
    bool drawn;                    /* by the puppet program, into root */
    fal_study_puppets puppets;
    bool trim_silence;
} fal_study_dataset;

typedef struct fal_study_encoder {
    const char *id, *title, *modality; /* "audio", "visual", "audio-visual" */
    const char *model;                 /* path or catalogue name */
    bool drawn;                        /* `model` is drawn from `seed`, as `models init` does */
    int64_t seed;
    fal_stream stream;
    const char *feature; /* NULL: the family's default */
} fal_study_encoder;

/* Two encoders side by side: frame by frame for ntp and sync, fused late for probes. */
typedef struct fal_study_pair {
    const char *id, *title;
    size_t visual, audio; /* indices of encoders */
} fal_study_pair;

/* What a table's row is about: an encoder or a pair. */
typedef struct fal_study_subject {
    bool is_pair;
    size_t index;
} fal_study_subject;

typedef struct fal_study_head {
    const char *kind;                                                /* "probe", "ntp", "sync" */
    int64_t epochs, patience, batch, width, layers, heads, ffn, tau; /* 0: the kind's default */
    double learning_rate;
    const char *pooling;
} fal_study_head;
enum { FAL_STUDY_PROBE, FAL_STUDY_NTP, FAL_STUDY_SYNC, FAL_STUDY_HEADS };

typedef enum fal_study_table_kind {
    FAL_STUDY_PROBES,     /* rows: encoders; columns: a training and a test set each (Table 2) */
    FAL_STUDY_METHODS,    /* one training set, several test sets, averages (Table 3) */
    FAL_STUDY_ANOMALIES,  /* supervised, next-token prediction, sync on each test set (Table 4) */
    FAL_STUDY_COMPLEMENTS /* correlations and fusions of pairs (Figure 5) */
} fal_study_table_kind;

typedef struct fal_study_row {
    fal_study_subject subject;
    const char *title; /* as the paper writes it in this table */
} fal_study_row;

typedef struct fal_study_column {
    size_t train, test; /* indices of datasets */
    size_t real;        /* ANOMALIES: whose real clips ntp and sync learn from */
} fal_study_column;

typedef struct fal_study_table {
    fal_study_table_kind kind;
    const char *id, *title, *note;
    const char *paper; /* key in the published numbers; NULL: nothing to put beside */
    fal_study_row *rows;
    size_t row_count;
    fal_study_column *columns;
    size_t column_count;
} fal_study_table;

typedef struct fal_study_plan {
    const char *origin, *title;
    bool half_precision; /* features are stored as float16 */
    int64_t *seeds;
    size_t seed_count;
    fal_study_dataset *datasets;
    size_t dataset_count;
    fal_study_encoder *encoders;
    size_t encoder_count;
    fal_study_pair *pairs;
    size_t pair_count;
    fal_study_head heads[FAL_STUDY_HEADS];
    fal_study_table *tables;
    size_t table_count;
    fal_arena *arena;
} fal_study_plan;

typedef struct fal_study_folders {
    const char *data; /* relative paths start here */
    const char *out;  /* drawn datasets lie below */
} fal_study_folders;

/* *out is freed with fal_study_plan_free. Unknown members, names that are not there and impossible values are errors
 * that name the place. Nothing but the configuration is read: whether datasets are there is found out later. */
fal_status fal_study_plan_read(const char *path, const fal_study_folders *folders, fal_study_plan *out, fal_error *err);
void fal_study_plan_free(fal_study_plan *plan);

/* Title and, in file names, id of a subject. */
const char *fal_study_title(const fal_study_plan *plan, fal_study_subject subject);
const char *fal_study_id(const fal_study_plan *plan, fal_study_subject subject);

#endif
