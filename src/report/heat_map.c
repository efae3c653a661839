/* Matrices as coloured squares with their numbers. */
#include "report/canvas.h"

#include <falsetto/plots.h>

#include <cairo.h>
#include <math.h>
#include <stdio.h>

enum { CELL_WIDTH = 58, CELL_HEIGHT = 34, TITLE = 44, MARGIN = 24, NAME_SIZE = 12, TITLE_SIZE = 15 };

/* Pictures are sized before there is a page to measure text on: a letter's width is taken as this part of its size. */
static const double letter_width = 0.58;

static const fal_colour white = {1, 1, 1}, red = {0.80, 0.25, 0.18}, blue = {0.15, 0.40, 0.70}, ink = {0.2, 0.2, 0.2};

typedef struct page {
    const fal_heat_map *maps;
    size_t count;
} page;

/* ---- sizes ---- */

static double text_width(const char *text, int size)
{
    size_t letters = 0;
    for (const char *c = text; *c; c++)
        letters += (*c & 0xC0) != 0x80; /* not a byte that goes on a UTF-8 letter */
    return (double)letters * size * letter_width;
}

static double widest(const char *const *names, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, text_width(names[i], NAME_SIZE));
    return most;
}

static double names_width(const fal_heat_map *map)
{
    return widest(map->row_names, map->rows) + 16;
}

/* Column names stand slanted above the cells. */
static double names_height(const fal_heat_map *map)
{
    return widest(map->column_names, map->columns) * 0.6 + 20;
}

static double map_width(const fal_heat_map *map)
{
    double overhang = names_height(map); /* of the last column's slanted name */
    double matrix = MARGIN + names_width(map) + (double)map->columns * CELL_WIDTH + fmax(MARGIN, overhang);
    return fmax(matrix, map->title ? MARGIN + text_width(map->title, TITLE_SIZE) + MARGIN : 0);
}

static double map_height(const fal_heat_map *map)
{
    return TITLE + names_height(map) + (double)map->rows * CELL_HEIGHT + MARGIN;
}

/* ---- colours ---- */

static fal_colour mix(fal_colour a, fal_colour b, double share)
{
    return (fal_colour){a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share, a.b + (b.b - a.b) * share};
}

typedef struct range {
    double low, high;
} range;

static range range_of(const fal_heat_map *map)
{
    range r = {INFINITY, -INFINITY};
    for (size_t i = 0; i < map->rows * map->columns; i++)
        if (isfinite(map->values[i])) {
            r.low = fmin(r.low, map->values[i]);
            r.high = fmax(r.high, map->values[i]);
        }
    return r;
}

/* 0 to 1: how far from white. */
static double strength(const fal_heat_map *map, range r, double value)
{
    double span = map->diverging ? fmax(fabs(r.low), fabs(r.high)) : r.high - r.low;
    double distance = map->diverging ? fabs(value) : value - r.low;
    return span > 0 && isfinite(value) ? distance / span : 0;
}

/* ---- drawing ---- */

static void draw_cell(cairo_t *cr, const fal_heat_map *map, range r, double x, double y, double value)
{
    char text[32];
    double strong = strength(map, r, value);
    fal_set_colour(cr, mix(white, map->diverging && value > 0 ? red : blue, strong), 1);
    cairo_rectangle(cr, x, y, CELL_WIDTH, CELL_HEIGHT);
    cairo_fill(cr);
    snprintf(text, sizeof text, isfinite(value) ? "%.*f" : "-", map->decimals, value);
    fal_set_colour(cr, strong > 0.6 ? white : ink, 1);
    fal_draw_text(cr, x + CELL_WIDTH / 2.0, y + CELL_HEIGHT / 2.0 + 4, 0.5, NAME_SIZE, text);
}

static void draw_names(cairo_t *cr, const fal_heat_map *map, double left, double top)
{
    fal_set_colour(cr, ink, 1);
    for (size_t r = 0; r < map->rows; r++)
        fal_draw_text(cr, left - 8, top + ((double)r + 0.5) * CELL_HEIGHT + 4, 1, NAME_SIZE, map->row_names[r]);
    for (size_t c = 0; c < map->columns; c++) {
        cairo_save(cr);
        cairo_translate(cr, left + ((double)c + 0.5) * CELL_WIDTH, top - 8);
        cairo_rotate(cr, -0.6);
        fal_draw_text(cr, 0, 0, 0, NAME_SIZE, map->column_names[c]);
        cairo_restore(cr);
    }
}

static void draw_map(cairo_t *cr, const fal_heat_map *map, double x)
{
    double left = x + MARGIN + names_width(map), top = TITLE + names_height(map);
    range r = range_of(map);
    fal_set_colour(cr, ink, 1);
    if (map->title)
        fal_draw_text(cr, x + MARGIN, 28, 0, TITLE_SIZE, map->title);
    for (size_t row = 0; row < map->rows; row++)
        for (size_t column = 0; column < map->columns; column++)
            draw_cell(cr, map, r, left + (double)column * CELL_WIDTH, top + (double)row * CELL_HEIGHT,
                      map->values[row * map->columns + column]);
    draw_names(cr, map, left, top);
}

static void draw(cairo_t *cr, const void *what)
{
    const page *p = what;
    double x = 0;
    for (size_t i = 0; i < p->count; i++) {
        draw_map(cr, &p->maps[i], x);
        x += map_width(&p->maps[i]);
    }
}

fal_status fal_plot_heat_maps(const fal_heat_map *maps, size_t count, const char *path, fal_error *err)
{
    const page p = {maps, count};
    double width = 0, height = 0;
    for (size_t i = 0; i < count; i++) {
        width += map_width(&maps[i]);
        height = fmax(height, map_height(&maps[i]));
    }
    if (!(width > 0 && width < 30000 && height < 30000))
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: a picture of %.0f x %.0f points cannot be drawn", path, width,
                        height);
    return fal_canvas_write(path, (int)width, (int)height, draw, &p, err);
}
