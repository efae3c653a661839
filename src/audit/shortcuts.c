#include "audit/shortcuts.h"

#include "audit/detector.h"
#include "core/alloc.h"
#include "core/sort.h"

#include <falsetto/compare.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fewer of a class say nothing about a dataset. */
enum { LEAST_PER_CLASS = 5 };

/* Thresholds of the AUC for a note, a warning, and severe; all want LARGEST_P as well. */
static const double NOTE_AUC = 0.55, WARNING_AUC = 0.65, SEVERE_AUC = 0.8, LARGEST_P = 0.05;

/* One fact of the files that have it. */
typedef struct sample {
    size_t count, fakes;
    double *values;
    uint8_t *labels;
    const char **names; /* of a fact of names */
    size_t *order;      /* scratch, as are the next two */
    double *scores;
    uint8_t *score_labels;
} sample;

static fal_status sample_create(size_t files, sample *out, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(out->values, fal_calloc(files, sizeof *out->values));
    FAL_ALLOC(out->labels, fal_calloc(files, sizeof *out->labels));
    FAL_ALLOC(out->names, fal_calloc(files, sizeof *out->names));
    FAL_ALLOC(out->order, fal_calloc(files, sizeof *out->order));
    FAL_ALLOC(out->scores, fal_calloc(files, sizeof *out->scores));
    FAL_ALLOC(out->score_labels, fal_calloc(files, sizeof *out->score_labels));
done:
    return st;
}

static void sample_free(sample *s)
{
    fal_free(s->values);
    fal_free(s->labels);
    fal_free((void *)s->names);
    fal_free(s->order);
    fal_free(s->scores);
    fal_free(s->score_labels);
}

static void begin_fact(sample *s, const fal_fact_name *name, fal_audit_fact *f)
{
    s->count = s->fakes = 0;
    *f = (fal_audit_fact){.name = name->name,
                          .unit = name->unit,
                          .auc = NAN,
                          .interval = {NAN, NAN},
                          .real_median = NAN,
                          .fake_median = NAN,
                          .cramers_v = NAN,
                          .p = NAN,
                          .p_holm = NAN};
}

static bool testable(const sample *s)
{
    return s->fakes >= LEAST_PER_CLASS && s->count - s->fakes >= LEAST_PER_CLASS;
}

/* ---- numbers ---- */

static void gather_numbers(const fal_collection *c, const int *labels, int which, sample *s)
{
    for (size_t i = 0; i < c->file_count; i++) {
        double value = c->files[i].facts.numbers[which];
        if (labels[i] < 0 || !c->files[i].measured || isnan(value))
            continue;
        s->values[s->count] = value;
        s->labels[s->count++] = (uint8_t)labels[i];
        s->fakes += (size_t)labels[i];
    }
}

/* `order` sorts the values. */
static double median_of_class(const sample *s, uint8_t label, size_t members)
{
    double below = NAN;
    size_t seen = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->labels[s->order[i]] != label)
            continue;
        double value = s->values[s->order[i]];
        if (seen == members / 2)
            return members % 2 ? value : (below + value) / 2;
        below = value;
        seen++;
    }
    return NAN;
}

/* Without spread the normal interval has no width. Then, as for a share of all: the smallest true rate at which the
 * smaller class would still be ranked right to the last clip in 2.5 of 100 datasets. */
static fal_interval interval_of(double auc, double variance, size_t smaller_class)
{
    if (auc == 1 && !(variance > 0))
        return (fal_interval){pow(0.025, 1 / (double)smaller_class), 1};
    return fal_auc_interval(auc, variance, FAL_INTERVAL_NORMAL);
}

static size_t smaller_class(const sample *s)
{
    return s->fakes < s->count - s->fakes ? s->fakes : s->count - s->fakes;
}

static fal_status test_number(sample *s, fal_audit_fact *f, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_detector_power power;
    f->fakes = s->fakes;
    f->reals = s->count - s->fakes;
    FAL_TRY(fal_order_f64(s->values, s->count, s->order, err));
    f->real_median = median_of_class(s, 0, f->reals);
    f->fake_median = median_of_class(s, 1, f->fakes);
    if (!testable(s))
        goto done;
    FAL_TRY(fal_detector_measure(s->values, s->labels, s->count, &power, err));
    f->higher_is_fake = power.auc >= 0.5;
    f->auc = fmax(power.auc, 1 - power.auc);
    f->interval = interval_of(f->auc, power.variance, smaller_class(s));
    f->p = power.p;
done:
    return st;
}

/* ---- names ---- */

static void gather_names(const fal_collection *c, const int *labels, int which, sample *s)
{
    for (size_t i = 0; i < c->file_count; i++) {
        const char *name = c->files[i].facts.texts[which];
        if (labels[i] < 0 || !c->files[i].measured || !*name)
            continue;
        s->names[s->count] = name;
        s->labels[s->count++] = (uint8_t)labels[i];
        s->fakes += (size_t)labels[i];
    }
}

typedef struct group {
    size_t members[2][2]; /* by label and half */
    const char *name;
} group;

static int by_name(const void *a, const void *b, void *names)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(((const char **)names)[x], ((const char **)names)[y]);
    return order ? order : (x > y) - (x < y);
}

/* values[i] becomes the number of clip i's group; clips of each class go into the two halves in turn. */
static size_t make_groups(sample *s, group *groups)
{
    size_t count = 0, turn[2] = {0};
    for (size_t i = 0; i < s->count; i++)
        s->order[i] = i;
    qsort_r(s->order, s->count, sizeof *s->order, by_name, (void *)s->names);
    for (size_t i = 0; i < s->count; i++) {
        size_t clip = s->order[i];
        if (!count || strcmp(groups[count - 1].name, s->names[clip]))
            groups[count++] = (group){.name = s->names[clip]};
        s->values[clip] = (double)(count - 1);
    }
    for (size_t i = 0; i < s->count; i++)
        groups[(size_t)s->values[i]].members[s->labels[i]][turn[s->labels[i]]++ % 2]++;
    return count;
}

/* log P(name | fake) / P(name | real) in one half, with half a clip added to every count. */
static double log_ratio(const group *g, int half, const size_t class_size[2])
{
    double rate[2];
    for (int label = 0; label < 2; label++)
        rate[label] = ((double)g->members[label][half] + 0.5) / ((double)class_size[label] + 1);
    return log(rate[1] / rate[0]);
}

/* The AUC on one half of scores learned on the other: a name that occurs once cannot vouch for itself. Gaps between
 * equal ratios are told by the last bits of a logarithm only, so they are rounded. */
static fal_status cross_auc(sample *s, const group *groups, int half, fal_detector_power *out, fal_error *err)
{
    size_t class_size[2] = {0}, turn[2] = {0}, n = 0;
    for (size_t i = 0; i < s->count; i++)
        class_size[s->labels[i]] += (int)(turn[s->labels[i]]++ % 2) != half;
    turn[0] = turn[1] = 0;
    for (size_t i = 0; i < s->count; i++) {
        if ((int)(turn[s->labels[i]]++ % 2) != half)
            continue;
        s->scores[n] = round(1e9 * log_ratio(&groups[(size_t)s->values[i]], !half, class_size));
        s->score_labels[n++] = s->labels[i];
    }
    return fal_detector_measure(s->scores, s->score_labels, n, out, err);
}

/* Pearson's chi-square over the table names x labels, and Cramer's V = sqrt(chi2 / n), as one side has two values. */
static void test_association(const sample *s, const group *groups, size_t count, fal_audit_fact *f)
{
    double n = (double)s->count, chi2 = 0, class_size[2] = {n - (double)s->fakes, (double)s->fakes};
    size_t most[2] = {0};
    for (size_t g = 0; g < count; g++) {
        size_t of[2];
        for (int label = 0; label < 2; label++)
            of[label] = groups[g].members[label][0] + groups[g].members[label][1];
        for (int label = 0; label < 2; label++) {
            double expected = (double)(of[0] + of[1]) * class_size[label] / n;
            chi2 += expected > 0 ? ((double)of[label] - expected) * ((double)of[label] - expected) / expected : 0;
        }
        if (of[0] > most[0])
            most[0] = of[0], f->real_value = groups[g].name;
        if (of[1] > most[1])
            most[1] = of[1], f->fake_value = groups[g].name;
    }
    f->cramers_v = sqrt(chi2 / n);
    f->p = fal_chi_square_p(chi2, (double)(count - 1));
}

static fal_status test_names(sample *s, fal_audit_fact *f, fal_error *err)
{
    fal_status st = FAL_OK;
    group *groups = NULL;
    fal_detector_power halves[2];
    f->fakes = s->fakes;
    f->reals = s->count - s->fakes;
    if (!testable(s))
        return FAL_OK;
    FAL_ALLOC(groups, fal_calloc(s->count, sizeof *groups));
    f->values = make_groups(s, groups);
    test_association(s, groups, f->values, f);
    for (int half = 0; half < 2; half++)
        FAL_TRY(cross_auc(s, groups, half, &halves[half], err));
    f->auc = (halves[0].auc + halves[1].auc) / 2;
    f->interval = interval_of(f->auc, (halves[0].variance + halves[1].variance) / 4, smaller_class(s));
done:
    fal_free(groups);
    return st;
}

/* ---- all of them ---- */

/* Holm 1979: the k-th smallest p times the number of tests not yet passed, never falling. */
static fal_status correct(fal_audit_fact *facts, fal_error *err)
{
    double p[FAL_AUDIT_FACTS], largest = 0;
    size_t which[FAL_AUDIT_FACTS], order[FAL_AUDIT_FACTS], tests = 0;
    for (size_t i = 0; i < FAL_AUDIT_FACTS; i++)
        if (!isnan(facts[i].p)) {
            p[tests] = facts[i].p;
            which[tests++] = i;
        }
    fal_status st = tests ? fal_order_f64(p, tests, order, err) : FAL_OK;
    for (size_t k = 0; st == FAL_OK && k < tests; k++) {
        largest = fmax(largest, fmin(1, p[order[k]] * (double)(tests - k)));
        facts[which[order[k]]].p_holm = largest;
    }
    return st;
}

static fal_audit_severity judge(const fal_audit_fact *f)
{
    if (!(f->p_holm < LARGEST_P) || !(f->auc >= NOTE_AUC))
        return FAL_AUDIT_CLEAR;
    return f->auc >= SEVERE_AUC ? FAL_AUDIT_SEVERE : f->auc >= WARNING_AUC ? FAL_AUDIT_WARNING : FAL_AUDIT_NOTE;
}

fal_status fal_shortcuts_find(const fal_collection *collection, const int *labels,
                              fal_audit_fact facts[FAL_AUDIT_FACTS], fal_error *err)
{
    fal_status st = FAL_OK;
    sample s = {0};
    FAL_TRY(sample_create(collection->file_count, &s, err));
    for (int i = 0; i < FAL_NUMBER_FACTS; i++) {
        begin_fact(&s, &fal_number_fact_names[i], &facts[i]);
        gather_numbers(collection, labels, i, &s);
        FAL_TRY(test_number(&s, &facts[i], err));
    }
    for (int i = 0; i < FAL_TEXT_FACTS; i++) {
        begin_fact(&s, &fal_text_fact_names[i], &facts[FAL_NUMBER_FACTS + i]);
        gather_names(collection, labels, i, &s);
        FAL_TRY(test_names(&s, &facts[FAL_NUMBER_FACTS + i], err));
    }
    FAL_TRY(correct(facts, err));
    for (size_t i = 0; i < FAL_AUDIT_FACTS; i++)
        facts[i].severity = judge(&facts[i]);
done:
    sample_free(&s);
    return st;
}
