#include "train.h"

#include <falsetto/plots.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_run(fal_table *table, const fal_training_report *r, uint64_t seed)
{
    for (size_t i = 0; i < r->curve_count; i++) {
        const fal_training_epoch *e = &r->curve[i];
        fal_table_float(table, (double)i);
        fal_table_float(table, e->train_loss);
        fal_table_float(table, e->validation_loss);
        fal_table_float(table, e->learning_rate);
        fal_table_float(table, e->seconds);
        fal_table_float(table, (double)seed);
        fal_table_end_row(table);
    }
}

static fal_status write_table(const char *path, const fal_training_report *reports, const uint64_t *seeds, size_t count,
                              fal_error *err)
{
    static const char *const columns[] = {"epoch", "train_loss", "validation_loss", "learning_rate", "seconds", "seed"};
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_header(table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++)
        add_run(table, &reports[i], seeds[i]);
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}

/* Two curves per run, training and validation; numbers of one run lie one after the other in `storage`. */
typedef struct drawing {
    fal_curve *curves; /* [2 * runs] */
    double *storage;   /* [3 * epochs of all runs] */
    char (*names)[64]; /* [2 * runs] */
} drawing;

static bool make_room(drawing *d, const fal_training_report *reports, size_t count)
{
    size_t epochs = 0;
    for (size_t i = 0; i < count; i++)
        epochs += reports[i].curve_count;
    d->curves = calloc(2 * count, sizeof *d->curves);
    d->names = calloc(2 * count, sizeof *d->names);
    d->storage = calloc(3 * epochs + 1, sizeof *d->storage);
    return d->curves && d->names && d->storage;
}

static void fill(drawing *d, const fal_training_report *reports, const uint64_t *seeds, size_t count)
{
    double *at = d->storage;
    for (size_t i = 0; i < count; i++) {
        const size_t n = reports[i].curve_count;
        for (size_t k = 0; k < n; k++) {
            at[k] = (double)k;
            at[n + k] = reports[i].curve[k].train_loss;
            at[2 * n + k] = reports[i].curve[k].validation_loss;
        }
        for (size_t side = 0; side < 2; side++) {
            char *name = d->names[2 * i + side];
            const char *what = side ? "validation" : "training";
            if (count > 1)
                snprintf(name, sizeof *d->names, "%s, seed %" PRIu64, what, seeds[i]);
            else
                snprintf(name, sizeof *d->names, "%s", what);
            d->curves[2 * i + side] =
                (fal_curve){.name = name, .x = at, .y = at + (1 + side) * n, .count = n, .dots = n < 40};
        }
        at += 3 * n;
    }
}

static fal_status draw(const char *path, const fal_training_report *reports, const uint64_t *seeds, size_t count,
                       fal_error *err)
{
    fal_status st = FAL_ERR_MEMORY;
    drawing d = {0};
    snprintf(err->text, sizeof err->text, "out of memory");
    if (make_room(&d, reports, count)) {
        fill(&d, reports, seeds, count);
        const fal_curves plot = {.x = {.label = "epoch"},
                                 .y = {.label = "loss"},
                                 .curves = d.curves,
                                 .count = 2 * count,
                                 .legend_at_top = true};
        st = fal_plot_curves(&plot, path, err);
    }
    free(d.curves);
    free(d.names);
    free(d.storage);
    return st;
}

fal_status train_write_curve(const char *path, const fal_training_report *reports, const uint64_t *seeds, size_t count,
                             fal_error *err)
{
    const char *ending = strrchr(path, '.');
    bool picture = ending && (!strcmp(ending, ".svg") || !strcmp(ending, ".pdf") || !strcmp(ending, ".png"));
    return picture ? draw(path, reports, seeds, count, err) : write_table(path, reports, seeds, count, err);
}
