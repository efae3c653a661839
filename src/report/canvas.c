#include "report/canvas.h"

#include "core/file.h"
#include "core/str.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <string.h>

enum { TEXT = 512 };

/* ---- colours and text ---- */

fal_colour fal_palette_colour(size_t index)
{
    static const fal_colour palette[] = {
        {0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.62, 0.45}, {0.80, 0.47, 0.65},
        {0.34, 0.71, 0.91}, {0.90, 0.62, 0.00}, {0.30, 0.30, 0.30},
    };
    return palette[index % (sizeof palette / sizeof *palette)];
}

void fal_set_colour(cairo_t *cr, fal_colour c, double alpha)
{
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

/* Cairo gives up on text that is not UTF-8; file names may be anything, and a sentence may have been cut short. */
static void make_drawable(char out[TEXT], const char *text)
{
    size_t used = 0;
    while (*text) {
        size_t length = fal_utf8_length(text), kept = length ? length : 1;
        if (used + kept >= TEXT)
            break;
        memcpy(out + used, length ? text : "?", kept);
        used += kept;
        text += kept;
    }
    out[used] = '\0';
}

double fal_draw_text(cairo_t *cr, double x, double y, double align, double size, const char *text)
{
    char drawable[TEXT];
    cairo_text_extents_t box;
    make_drawable(drawable, text);
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, drawable, &box);
    cairo_move_to(cr, x - align * box.x_advance, y);
    cairo_show_text(cr, drawable);
    return box.x_advance;
}

double fal_text_width(cairo_t *cr, double size, const char *text)
{
    char drawable[TEXT];
    cairo_text_extents_t box;
    make_drawable(drawable, text);
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, drawable, &box);
    return box.x_advance;
}

double fal_nice_step(double range, int count)
{
    double raw = range / count, power = pow(10, floor(log10(raw))), unit = raw / power;
    return power * (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10);
}

/* ---- the page ---- */

typedef enum picture_format { PICTURE_SVG, PICTURE_PDF, PICTURE_PNG, PICTURE_UNKNOWN } picture_format;

static picture_format format_of(const char *path)
{
    return fal_str_ends(path, ".svg")   ? PICTURE_SVG
           : fal_str_ends(path, ".pdf") ? PICTURE_PDF
           : fal_str_ends(path, ".png") ? PICTURE_PNG
                                        : PICTURE_UNKNOWN;
}

static cairo_surface_t *open_surface(picture_format format, const char *path, int width, int height)
{
    switch (format) {
    case PICTURE_SVG: return cairo_svg_surface_create(path, width, height);
    case PICTURE_PDF: return cairo_pdf_surface_create(path, width, height);
    default: return cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    }
}

static cairo_status_t draw_page(cairo_t *cr, fal_draw_fn *draw, const void *what)
{
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    draw(cr, what);
    return cairo_status(cr);
}

fal_status fal_canvas_write(const char *path, int width, int height, fal_draw_fn *draw, const void *what,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    cairo_surface_t *surface = NULL;
    cairo_t *cr = NULL;
    cairo_status_t drawn;
    picture_format format = format_of(path);
    if (format == PICTURE_UNKNOWN)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: a picture's name must end in .svg, .pdf or .png", path);
    FAL_TRY(fal_atomic_open(path, &file, err));
    surface = open_surface(format, fal_atomic_temp_path(file), width, height);
    cr = cairo_create(surface);
    drawn = draw_page(cr, draw, what);
    if (drawn == CAIRO_STATUS_SUCCESS && format == PICTURE_PNG)
        drawn = cairo_surface_write_to_png(surface, fal_atomic_temp_path(file));
    cairo_surface_finish(surface);
    if (drawn == CAIRO_STATUS_SUCCESS)
        drawn = cairo_surface_status(surface);
    if (drawn != CAIRO_STATUS_SUCCESS)
        FAL_FAIL(FAL_ERR_IO, "%s: %s", path, cairo_status_to_string(drawn));
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    if (cr)
        cairo_destroy(cr);
    if (surface)
        cairo_surface_destroy(surface);
    fal_atomic_abort(&file);
    return st;
}
