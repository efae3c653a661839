/* Plots of results that are already computed. The file's name decides the format: .svg, .pdf or .png. Writing is
 * atomic. Numbers that are not finite are left out of curves and shown as "-" in maps. */
#ifndef FALSETTO_PLOTS_H
#define FALSETTO_PLOTS_H

#include <falsetto/eval.h>
#include <falsetto/status.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- curves ------------------------------------------------------------------------------------------------------ */

typedef struct fal_curve {
    const char *name;       /* in the legend; NULL: not in it */
    const double *x, *y;    /* [count] */
    size_t count;
    bool dots;              /* a dot at every point as well */
    bool faint;             /* thin, grey and dashed: a line to compare with */
} fal_curve;

typedef struct fal_axis {
    const char *label;
    double low, high;          /* equal: what the curves need */
    const double *ticks;       /* [tick_count] places with a grid line; none: round numbers */
    const char *const *names;  /* [tick_count], beside ticks */
    size_t tick_count;
} fal_axis;

typedef struct fal_curves {
    const char *title;         /* may be NULL */
    fal_axis x, y;
    const fal_curve *curves;
    size_t count;
    bool square;               /* equal sides */
    bool legend_at_top;        /* of the plot, else at the bottom, both at the right */
} fal_curves;

/* Any curves in one frame: training curves and the like. Long curves are thinned to what can be seen. */
FAL_API fal_status fal_plot_curves(const fal_curves *plot, const char *path, fal_error *err);

/* ---- detectors --------------------------------------------------------------------------------------------------- */

/* One detector's curve as fal_roc gives it; its name says what else is to be known, e.g. "CLIP (AUC 0.912)". */
typedef struct fal_named_roc {
    const char *name;
    const fal_roc_point *points;
    size_t count;
} fal_named_roc;

FAL_API fal_status fal_plot_roc(const char *title, const fal_named_roc *curves, size_t count, const char *path,
                                fal_error *err);
/* Detection error trade-off (Martin et al. 1997): misses against false alarms on normal-deviate axes, 0.1 to 99.9 %. */
FAL_API fal_status fal_plot_det(const char *title, const fal_named_roc *curves, size_t count, const char *path,
                                fal_error *err);

/* How often clips are fake against how often they were said to be, as fal_reliability gives it. */
typedef struct fal_named_reliability {
    const char *name;
    const fal_reliability_bin *bins;
    size_t count;
} fal_named_reliability;
FAL_API fal_status fal_plot_reliability(const char *title, const fal_named_reliability *curves, size_t count,
                                        const char *path, fal_error *err);

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

typedef struct fal_heat_map {
    const char *title;             /* may be NULL */
    const char *const *row_names;  /* [rows] */
    const char *const *column_names; /* [columns] */
    size_t rows, columns;
    const double *values;          /* [rows, columns] */
    int decimals;
    bool diverging;                /* white is 0, blue below, red above; else white is the lowest */
} fal_heat_map;

/* Maps side by side, each with its own colours. */
FAL_API fal_status fal_plot_heat_maps(const fal_heat_map *maps, size_t count, const char *path, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
