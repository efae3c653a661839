/* The timeline picture, drawn with cairo. */
#include "core/str.h"
#include "report/canvas.h"

#include <falsetto/report.h>

#include <cairo.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 960, HEIGHT = 360, LEFT = 64, RIGHT = 24, TOP = 64, BOTTOM = 72 };
enum { LEGEND_ROW = 18, SWATCH = 16 }; /* height of a row; width of the stroke before a name */

static const fal_colour verdict_colour[] = {
    [FAL_VERDICT_REAL] = {0.00, 0.50, 0.33},
    [FAL_VERDICT_FAKE] = {0.76, 0.15, 0.10},
    [FAL_VERDICT_SUSPICIOUS] = {0.75, 0.50, 0.00},
    [FAL_VERDICT_CANNOT_JUDGE] = {0.35, 0.35, 0.35},
};

typedef struct plot {
    cairo_t *cr;
    const fal_judgement *j;
    double end_s, low, high; /* axes */
} plot;

static double x_of(const plot *p, double seconds)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / p->end_s;
}

static double y_of(const plot *p, double logit)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (p->high - logit) / (p->high - p->low);
}

static void find_axes(plot *p)
{
    p->end_s = p->j->duration_s > 0 ? p->j->duration_s : 1;
    p->low = INFINITY;
    p->high = -INFINITY;
    for (size_t i = 0; i < p->j->opinion_count; i++) {
        const fal_opinion *o = &p->j->opinions[i];
        p->end_s = fmax(p->end_s, o->start_s + (double)o->frames / o->rate_hz);
        for (int64_t t = 0; t < o->frames; t++) {
            p->low = fmin(p->low, o->frame_logits[t]);
            p->high = fmax(p->high, o->frame_logits[t]);
        }
    }
    if (!isfinite(p->low) || !isfinite(p->high))
        p->low = -1, p->high = 1;
    /* Wide enough to be told apart from the largest value: the ticks of an axis are added up one by one. */
    double margin = fmax(fmax(0.05 * (p->high - p->low), 1e-3), 1e-6 * fmax(fabs(p->low), fabs(p->high)));
    p->low -= margin;
    p->high += margin;
}

static void draw_title(const plot *p)
{
    char text[256];
    const fal_judgement *j = p->j;
    if (j->verdict == FAL_VERDICT_CANNOT_JUDGE)
        snprintf(text, sizeof text, "%s", fal_verdict_name(j->verdict));
    else
        snprintf(text, sizeof text, "%s   P(fake) %.2f   clip logit %.3f", fal_verdict_name(j->verdict), j->p_fake,
                 j->clip_logit);
    fal_set_colour(p->cr, verdict_colour[j->verdict], 1);
    fal_draw_text(p->cr, LEFT, 30, 0, 20, text);
    cairo_set_source_rgb(p->cr, 0.35, 0.35, 0.35);
    fal_draw_text(p->cr, LEFT, 50, 0, 12, fal_path_base(j->path));
}

static void draw_axes(const plot *p)
{
    char label[32];
    cairo_set_line_width(p->cr, 1);
    double step = fal_nice_step(p->end_s, 10);
    for (double s = 0; s <= p->end_s + 1e-9; s += step) {
        cairo_set_source_rgb(p->cr, 0.90, 0.90, 0.90);
        cairo_move_to(p->cr, x_of(p, s), TOP);
        cairo_line_to(p->cr, x_of(p, s), HEIGHT - BOTTOM);
        cairo_stroke(p->cr);
        cairo_set_source_rgb(p->cr, 0.25, 0.25, 0.25);
        snprintf(label, sizeof label, "%g s", s);
        fal_draw_text(p->cr, x_of(p, s), HEIGHT - BOTTOM + 16, 0.5, 11, label);
    }
    step = fal_nice_step(p->high - p->low, 5);
    for (double v = ceil(p->low / step) * step; v <= p->high; v += step) {
        cairo_set_source_rgb(p->cr, 0.90, 0.90, 0.90);
        cairo_move_to(p->cr, LEFT, y_of(p, v));
        cairo_line_to(p->cr, WIDTH - RIGHT, y_of(p, v));
        cairo_stroke(p->cr);
        cairo_set_source_rgb(p->cr, 0.25, 0.25, 0.25);
        snprintf(label, sizeof label, "%g", fabs(v) < step / 1e6 ? 0 : v);
        fal_draw_text(p->cr, LEFT - 6, y_of(p, v) + 4, 1, 11, label);
    }
    fal_draw_text(p->cr, LEFT, TOP - 4, 0, 11, "frame logit (higher: more fake)");
}

static void draw_ranges(const plot *p)
{
    for (size_t i = 0; i < p->j->range_count; i++) {
        const fal_range *r = &p->j->ranges[i];
        fal_set_colour(p->cr, verdict_colour[FAL_VERDICT_FAKE], 0.14);
        cairo_rectangle(p->cr, x_of(p, r->start_s), TOP, x_of(p, r->end_s) - x_of(p, r->start_s),
                        HEIGHT - TOP - BOTTOM);
        cairo_fill(p->cr);
    }
}

static void set_opinion_style(const plot *p, size_t index)
{
    fal_set_colour(p->cr, fal_palette_colour(index), p->j->opinions[index].usable ? 1 : 0.4);
    cairo_set_line_width(p->cr, 1.6);
}

static void draw_curves(const plot *p)
{
    for (size_t i = 0; i < p->j->opinion_count; i++) {
        const fal_opinion *o = &p->j->opinions[i];
        set_opinion_style(p, i);
        cairo_new_path(p->cr);
        for (int64_t t = 0; t < o->frames; t++)
            cairo_line_to(p->cr, x_of(p, o->start_s + ((double)t + 0.5) / o->rate_hz), y_of(p, o->frame_logits[t]));
        cairo_stroke(p->cr);
    }
}

/* ---- legend: two columns when there are several opinions ---- */

static size_t legend_columns(const fal_judgement *j)
{
    return j->opinion_count > 1 ? 2 : 1;
}

/* What the picture is taller by than one with a single row. */
static int legend_growth(const fal_judgement *j)
{
    size_t columns = legend_columns(j), rows = (j->opinion_count + columns - 1) / columns;
    return rows > 1 ? (int)(rows - 1) * LEGEND_ROW : 0;
}

static void legend_text(char *out, size_t size, const fal_opinion *o)
{
    const char *name = fal_path_base(o->encoder), *stream = fal_stream_name(o->stream);
    if (!o->frames)
        snprintf(out, size, "%s:%s  no input", name, stream);
    else if (!o->usable)
        snprintf(out, size, "%s:%s  P(fake) %.2f, left out", name, stream, o->p_fake);
    else
        snprintf(out, size, "%s:%s  P(fake) %.2f, say %.0f%%", name, stream, o->p_fake, 100 * o->say);
}

static void draw_legend(const plot *p)
{
    size_t columns = legend_columns(p->j);
    double width = (double)(WIDTH - LEFT - RIGHT) / (double)columns;
    for (size_t i = 0; i < p->j->opinion_count; i++) {
        char text[256];
        double x = LEFT + width * (double)(i % columns), y = HEIGHT - BOTTOM + 40 + LEGEND_ROW * (double)(i / columns);
        legend_text(text, sizeof text, &p->j->opinions[i]);
        cairo_save(p->cr);
        cairo_rectangle(p->cr, x, y - LEGEND_ROW, width - 12, 2 * LEGEND_ROW); /* a long name ends at its column */
        cairo_clip(p->cr);
        set_opinion_style(p, i);
        cairo_move_to(p->cr, x, y - 4);
        cairo_line_to(p->cr, x + SWATCH, y - 4);
        cairo_stroke(p->cr);
        fal_draw_text(p->cr, x + SWATCH + 6, y, 0, 12, text);
        cairo_restore(p->cr);
    }
}

static void draw_footnote(const plot *p)
{
    const fal_judgement *j = p->j;
    if (!j->reason_count)
        return;
    char text[320];
    if (j->reason_count > 1)
        snprintf(text, sizeof text, "%s  (+%zu more)", j->reasons[0].text, j->reason_count - 1);
    else
        snprintf(text, sizeof text, "%s", j->reasons[0].text);
    cairo_set_source_rgb(p->cr, 0.35, 0.35, 0.35);
    fal_draw_text(p->cr, LEFT, HEIGHT - BOTTOM + 60 + legend_growth(j), 0, 11, text);
}

static void draw(cairo_t *cr, const void *what)
{
    plot p = {.cr = cr, .j = what};
    find_axes(&p);
    draw_axes(&p);
    draw_ranges(&p);
    draw_curves(&p);
    draw_legend(&p);
    draw_title(&p);
    draw_footnote(&p);
}

fal_status fal_judgement_draw(const fal_judgement *j, const char *path, fal_error *err)
{
    return fal_canvas_write(path, WIDTH, HEIGHT + legend_growth(j), draw, j, err);
}
