/* ROC, DET and reliability: the data of a detector as curves. */
#include "core/alloc.h"
#include "core/status.h"

#include <falsetto/plots.h>

#include <math.h>

typedef enum curve_kind { KIND_ROC, KIND_DET } curve_kind;

/* Rates that a DET plot reaches from and to. */
static const double least_rate = 0.001, most_rate = 0.999;

/* x with P(normal < x) = p for 0 < p < 1, by bisection: a plot needs no more. */
static double normal_deviate(double p)
{
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(0.5 * erfc(-middle / sqrt(2.0)) < p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

static double det_place(double rate)
{
    return normal_deviate(fmin(fmax(rate, least_rate / 10), 1 - (1 - most_rate) / 10));
}

/* Points of every curve, then one more curve to compare with; x and y of all in one block. */
typedef struct curve_set {
    fal_curve *curves;
    double *numbers;
    size_t count;
} curve_set;

static fal_status make_curves(const fal_named_roc *rocs, size_t count, curve_kind kind, curve_set *out, fal_error *err)
{
    static const double ends[] = {0, 1};
    fal_status st = FAL_OK;
    size_t points = 0;
    for (size_t i = 0; i < count; i++)
        points += rocs[i].count;
    FAL_ALLOC(out->curves, fal_calloc(count + 1, sizeof *out->curves));
    FAL_ALLOC(out->numbers, fal_malloc_array(2 * points + 1, sizeof *out->numbers));
    double *at = out->numbers;
    for (size_t i = 0; i < count; at += 2 * rocs[i++].count) {
        double *x = at, *y = at + rocs[i].count;
        for (size_t k = 0; k < rocs[i].count; k++) {
            const fal_roc_point *p = &rocs[i].points[k];
            x[k] = kind == KIND_DET ? det_place(p->fpr) : p->fpr;
            y[k] = kind == KIND_DET ? det_place(1 - p->tpr) : p->tpr;
        }
        out->curves[i] = (fal_curve){.name = rocs[i].name, .x = x, .y = y, .count = rocs[i].count};
    }
    out->count = count;
    if (kind == KIND_ROC)
        out->curves[out->count++] = (fal_curve){.x = ends, .y = ends, .count = 2, .faint = true};
done:
    return st;
}

static void free_curves(curve_set *set)
{
    fal_free(set->curves);
    fal_free(set->numbers);
}

fal_status fal_plot_roc(const char *title, const fal_named_roc *rocs, size_t count, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    curve_set set = {0};
    FAL_TRY(make_curves(rocs, count, KIND_ROC, &set, err));
    const fal_curves plot = {.title = title,
                             .x = {.label = "false-positive rate (reals called fake)", .low = 0, .high = 1},
                             .y = {.label = "true-positive rate (fakes found)", .low = 0, .high = 1},
                             .curves = set.curves,
                             .count = set.count,
                             .square = true};
    FAL_TRY(fal_plot_curves(&plot, path, err));
done:
    free_curves(&set);
    return st;
}

fal_status fal_plot_det(const char *title, const fal_named_roc *rocs, size_t count, const char *path, fal_error *err)
{
    enum { TICKS = 11 };
    static const double rates[TICKS] = {0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98};
    static const char *const names[TICKS] = {"0.1", "0.5", "2", "5", "10", "20", "40", "60", "80", "90", "98"};
    fal_status st = FAL_OK;
    double ticks[TICKS];
    curve_set set = {0};
    for (size_t i = 0; i < TICKS; i++)
        ticks[i] = normal_deviate(rates[i]);
    FAL_TRY(make_curves(rocs, count, KIND_DET, &set, err));
    const fal_axis axis = {.low = normal_deviate(least_rate),
                           .high = normal_deviate(most_rate),
                           .ticks = ticks,
                           .names = names,
                           .tick_count = TICKS};
    fal_curves plot = {.title = title,
                       .x = axis,
                       .y = axis,
                       .curves = set.curves,
                       .count = set.count,
                       .square = true,
                       .legend_at_top = true};
    plot.x.label = "false alarms, % of reals";
    plot.y.label = "misses, % of fakes";
    FAL_TRY(fal_plot_curves(&plot, path, err));
done:
    free_curves(&set);
    return st;
}

/* Empty bins have no point. */
static size_t fill_points(const fal_named_reliability *from, double *x, double *y)
{
    size_t used = 0;
    for (size_t i = 0; i < from->count; i++)
        if (from->bins[i].count) {
            x[used] = from->bins[i].probability;
            y[used++] = from->bins[i].fakes;
        }
    return used;
}

fal_status fal_plot_reliability(const char *title, const fal_named_reliability *all, size_t count, const char *path,
                                fal_error *err)
{
    static const double ends[] = {0, 1};
    fal_status st = FAL_OK;
    curve_set set = {0};
    size_t bins = 0;
    for (size_t i = 0; i < count; i++)
        bins += all[i].count;
    FAL_ALLOC(set.curves, fal_calloc(count + 1, sizeof *set.curves));
    FAL_ALLOC(set.numbers, fal_malloc_array(2 * bins + 1, sizeof *set.numbers));
    double *at = set.numbers;
    for (size_t i = 0; i < count; at += 2 * all[i++].count)
        set.curves[i] = (fal_curve){.name = all[i].name,
                                    .x = at,
                                    .y = at + all[i].count,
                                    .count = fill_points(&all[i], at, at + all[i].count),
                                    .dots = true};
    set.curves[count] = (fal_curve){.x = ends, .y = ends, .count = 2, .faint = true};
    const fal_curves plot = {.title = title,
                             .x = {.label = "P(fake) as said", .low = 0, .high = 1},
                             .y = {.label = "share that is fake", .low = 0, .high = 1},
                             .curves = set.curves,
                             .count = count + 1,
                             .square = true};
    FAL_TRY(fal_plot_curves(&plot, path, err));
done:
    free_curves(&set);
    return st;
}
