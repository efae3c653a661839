/* The published numbers (data/paper-tables.json, built in). NaN where the paper has none. Inside src/study only. */
#ifndef FAL_STUDY_PAPER_H
#define FAL_STUDY_PAPER_H

#include "core/json.h"

fal_status fal_paper_open(fal_json **out, fal_error *err);

typedef struct fal_paper_number {
    double value;
    bool grey; /* printed in grey */
} fal_paper_number;

/* Table 2: a model's AUC, trained on one set, tested on another; its mean out of domain. */
fal_paper_number fal_paper_probe(const fal_json *table, const char *model, const char *train, const char *test);
double fal_paper_probe_mean(const fal_json *table, const char *model);
/* The letter over a column, "" when there is none. */
const char *fal_paper_probe_letter(const fal_json *table, const char *train, const char *test);

/* Table 3. average: "All4" or "Last3". */
double fal_paper_method(const fal_json *table, const char *method, const char *test);
double fal_paper_method_average(const fal_json *table, const char *method, const char *average);

/* Table 4. how: "supervised", "ntp" or "sync". */
double fal_paper_anomaly(const fal_json *table, const char *model, const char *test, const char *how);

/* Figure 5. */
double fal_paper_correlation(const fal_json *figure, const char *a, const char *b);
double fal_paper_improvement(const fal_json *figure, const char *alone, const char *with);
double fal_paper_single(const fal_json *figure, const char *model);

#endif
