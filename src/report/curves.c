/* Curves in one frame. */
#include "report/canvas.h"

#include <falsetto/plots.h>

#include <cairo.h>
#include <math.h>
#include <stdio.h>

enum { LEFT = 72, RIGHT = 24, TOP = 48, BOTTOM = 60, WIDE = 640, HIGH = 400, SIDE = 520 };
enum { LEGEND_ROW = 18, SWATCH = 18, LEGEND_MARGIN = 10 };
#define SEEN 0.3 /* points nearer to the last one drawn than this many points of the page are not drawn */

static const fal_colour ink = {0.25, 0.25, 0.25}, grid = {0.90, 0.90, 0.90}, pale = {0.55, 0.55, 0.55};

typedef struct frame {
    cairo_t *cr;
    const fal_curves *plot;
    double width, height;
    double x_low, x_high, y_low, y_high;
} frame;

static double x_of(const frame *f, double x)
{
    return LEFT + f->width * (x - f->x_low) / (f->x_high - f->x_low);
}

static double y_of(const frame *f, double y)
{
    return TOP + f->height * (f->y_high - y) / (f->y_high - f->y_low);
}

/* ---- axes ---- */

static void widen(const double *values, size_t count, double *low, double *high)
{
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            *low = fmin(*low, values[i]);
            *high = fmax(*high, values[i]);
        }
}

static void find_range(const fal_curves *plot, bool vertical, double *low, double *high)
{
    const fal_axis *axis = vertical ? &plot->y : &plot->x;
    *low = axis->low;
    *high = axis->high;
    if (axis->low < axis->high)
        return;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < plot->count; i++)
        widen(vertical ? plot->curves[i].y : plot->curves[i].x, plot->curves[i].count, low, high);
    if (!(*low <= *high))
        *low = 0, *high = 1;
    double margin = vertical || *low == *high ? 0.05 * (*high - *low) : 0;
    margin = fmax(margin, *low == *high ? fmax(1e-3, 1e-3 * fabs(*low)) : 0);
    *low -= margin;
    *high += margin;
}

/* A grid line with its name; the name of a place so near to zero that only rounding keeps it from it is 0. */
static void draw_tick(const frame *f, bool vertical, double at, const char *name)
{
    double x = vertical ? LEFT : x_of(f, at), y = vertical ? y_of(f, at) : TOP;
    fal_set_colour(f->cr, grid, 1);
    cairo_move_to(f->cr, x, y);
    cairo_line_to(f->cr, vertical ? x + f->width : x, vertical ? y : y + f->height);
    cairo_stroke(f->cr);
    fal_set_colour(f->cr, ink, 1);
    if (vertical)
        fal_draw_text(f->cr, LEFT - 6, y + 4, 1, 11, name);
    else
        fal_draw_text(f->cr, x, TOP + f->height + 16, 0.5, 11, name);
}

static void draw_axis(const frame *f, bool vertical)
{
    char name[32];
    const fal_axis *axis = vertical ? &f->plot->y : &f->plot->x;
    double low = vertical ? f->y_low : f->x_low, high = vertical ? f->y_high : f->x_high;
    double step = fal_nice_step(high - low, vertical ? 6 : 8), first = ceil(low / step - 1e-9);
    for (size_t i = 0; i < axis->tick_count; i++)
        draw_tick(f, vertical, axis->ticks[i], axis->names[i]);
    for (int i = 0; !axis->tick_count && (first + i) * step <= high + 1e-9 * step && i < 32; i++) {
        snprintf(name, sizeof name, "%.6g", (first + i) * step);
        draw_tick(f, vertical, (first + i) * step, name);
    }
    if (!axis->label)
        return;
    cairo_save(f->cr);
    cairo_translate(f->cr, vertical ? 18 : LEFT + f->width / 2, vertical ? TOP + f->height / 2 : TOP + f->height + 40);
    if (vertical)
        cairo_rotate(f->cr, -1.5707963267948966); /* a quarter turn */
    fal_draw_text(f->cr, 0, 0, 0.5, 12, axis->label);
    cairo_restore(f->cr);
}

/* ---- curves ---- */

static void set_style(const frame *f, size_t index)
{
    static const double dashes[] = {4, 4};
    const fal_curve *c = &f->plot->curves[index];
    fal_set_colour(f->cr, c->faint ? pale : fal_palette_colour(index), 1);
    cairo_set_line_width(f->cr, c->faint ? 1 : 1.8);
    cairo_set_dash(f->cr, dashes, c->faint ? 2 : 0, 0);
}

static void draw_line(const frame *f, const fal_curve *c)
{
    double last_x = -INFINITY, last_y = -INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        double x = x_of(f, c->x[i]), y = y_of(f, c->y[i]);
        if (!isfinite(x) || !isfinite(y)) {
            cairo_new_sub_path(f->cr);
            continue;
        }
        if (fabs(x - last_x) < SEEN && fabs(y - last_y) < SEEN && i + 1 < c->count)
            continue;
        cairo_line_to(f->cr, last_x = x, last_y = y);
    }
    cairo_stroke(f->cr);
}

static void draw_dots(const frame *f, const fal_curve *c)
{
    for (size_t i = 0; i < c->count; i++) {
        double x = x_of(f, c->x[i]), y = y_of(f, c->y[i]);
        if (!isfinite(x) || !isfinite(y))
            continue;
        cairo_new_sub_path(f->cr);
        cairo_arc(f->cr, x, y, 3, 0, 6.283185307179586);
        cairo_fill(f->cr);
    }
}

static void draw_curve(const frame *f, size_t index)
{
    const fal_curve *c = &f->plot->curves[index];
    cairo_save(f->cr);
    cairo_rectangle(f->cr, LEFT - 4, TOP - 4, f->width + 8, f->height + 8);
    cairo_clip(f->cr);
    cairo_new_path(f->cr);
    set_style(f, index);
    draw_line(f, c);
    if (c->dots)
        draw_dots(f, c);
    cairo_restore(f->cr);
}

static void draw_legend(const frame *f)
{
    double width = 0, rows = 0;
    for (size_t i = 0; i < f->plot->count; i++)
        if (f->plot->curves[i].name) {
            width = fmax(width, fal_text_width(f->cr, 12, f->plot->curves[i].name));
            rows++;
        }
    if (rows == 0)
        return;
    double x = LEFT + f->width - width - SWATCH - 6 - LEGEND_MARGIN;
    double y = f->plot->legend_at_top ? TOP + LEGEND_MARGIN : TOP + f->height - rows * LEGEND_ROW - LEGEND_MARGIN;
    cairo_set_source_rgba(f->cr, 1, 1, 1, 0.85);
    cairo_rectangle(f->cr, x - 6, y - 2, width + SWATCH + 18, rows * LEGEND_ROW + 6);
    cairo_fill(f->cr);
    for (size_t i = 0; i < f->plot->count; i++) {
        if (!f->plot->curves[i].name)
            continue;
        y += LEGEND_ROW;
        cairo_save(f->cr);
        set_style(f, i);
        cairo_move_to(f->cr, x, y - 7);
        cairo_line_to(f->cr, x + SWATCH, y - 7);
        cairo_stroke(f->cr);
        cairo_restore(f->cr);
        fal_set_colour(f->cr, ink, 1);
        fal_draw_text(f->cr, x + SWATCH + 6, y - 3, 0, 12, f->plot->curves[i].name);
    }
}

static void draw(cairo_t *cr, const void *what)
{
    const fal_curves *plot = what;
    frame f = {.cr = cr, .plot = plot, .width = plot->square ? SIDE : WIDE, .height = plot->square ? SIDE : HIGH};
    find_range(plot, false, &f.x_low, &f.x_high);
    find_range(plot, true, &f.y_low, &f.y_high);
    cairo_set_line_width(cr, 1);
    draw_axis(&f, false);
    draw_axis(&f, true);
    for (size_t i = 0; i < plot->count; i++)
        draw_curve(&f, i);
    draw_legend(&f);
    fal_set_colour(cr, ink, 1);
    if (plot->title)
        fal_draw_text(cr, LEFT, 28, 0, 15, plot->title);
}

fal_status fal_plot_curves(const fal_curves *plot, const char *path, fal_error *err)
{
    int width = plot->square ? SIDE : WIDE, height = plot->square ? SIDE : HIGH;
    return fal_canvas_write(path, LEFT + width + RIGHT, TOP + height + BOTTOM, draw, plot, err);
}
