#include "report/tables.h"

#include "core/csv.h"
#include "core/json.h"
#include "core/str.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELL_TEXT = 128 };

static const fal_sheet_cell *cell_at(const fal_sheet *s, size_t row, size_t column)
{
    return &s->cells[row * s->columns + column];
}

static const char *header_at(const fal_sheet *s, size_t row, size_t column)
{
    return s->header[row * s->columns + column];
}

/* ---- footnotes: reasons numbered in the order they are met ---- */

/* The reason of cell `index` if no earlier cell has it, else NULL. */
static const char *new_reason(const fal_sheet *s, size_t index)
{
    const char *why = s->cells[index].why;
    for (size_t i = 0; why && i < index; i++)
        if (s->cells[i].why && !strcmp(s->cells[i].why, why))
            return NULL;
    return why;
}

static size_t reason_number(const fal_sheet *s, const char *why)
{
    size_t number = 0;
    for (size_t i = 0; i < s->rows * s->columns; i++) {
        const char *reason = new_reason(s, i);
        number += reason != NULL;
        if (reason && !strcmp(reason, why))
            return number;
    }
    return 0;
}

typedef void put_note(fal_buf *out, size_t number, const char *why);

static void put_notes(const fal_sheet *s, put_note *put, fal_buf *out)
{
    size_t number = 0;
    for (size_t i = 0; i < s->rows * s->columns; i++) {
        const char *why = new_reason(s, i);
        if (why)
            put(out, ++number, why);
    }
}

/* ---- a cell as text ---- */

/* "97.1 (99.8)", "97.1±0.3", "[2] (99.8)", "-". */
static void cell_text(const fal_sheet *s, const fal_sheet_cell *c, char out[CELL_TEXT])
{
    char own[48], paper[32] = "";
    if (c->text) {
        snprintf(out, CELL_TEXT, "%s", c->text);
        return;
    }
    if (isfinite(c->own) && isfinite(c->spread))
        snprintf(own, sizeof own, "%.*f±%.*f", s->decimals, c->own, s->decimals, c->spread);
    else if (isfinite(c->own))
        snprintf(own, sizeof own, "%.*f", s->decimals, c->own);
    else if (c->why)
        snprintf(own, sizeof own, "[%zu]", reason_number(s, c->why));
    else
        snprintf(own, sizeof own, "-");
    if (s->with_paper && isfinite(c->paper))
        snprintf(paper, sizeof paper, " (%.*f)", s->decimals, c->paper);
    snprintf(out, CELL_TEXT, "%s%s", own, paper);
}

static const char own_and_paper[] = "Own numbers, the paper's in brackets.";

/* ---- plain text ---- */

/* Columns on the screen: UTF-8 continuation bytes take none. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static size_t column_width(const fal_sheet *s, size_t column)
{
    char text[CELL_TEXT];
    size_t width = 0;
    for (size_t r = 0; r < s->header_rows; r++)
        width = width_of(header_at(s, r, column)) > width ? width_of(header_at(s, r, column)) : width;
    for (size_t r = 0; r < s->rows; r++) {
        cell_text(s, cell_at(s, r, column), text);
        width = width_of(text) > width ? width_of(text) : width;
    }
    return width;
}

/* Names to the left, numbers to the right; nothing after the last column. */
static void put_aligned(fal_buf *out, const char *text, size_t width, bool left, bool last)
{
    int pad = last && (left || !text[0]) ? 0 : (int)(width - width_of(text));
    if (left)
        fal_buf_printf(out, "%s%*s", text, pad, "");
    else
        fal_buf_printf(out, "%*s%s", pad, "", text);
    fal_buf_puts(out, last ? "\n" : "  ");
}

static void text_note(fal_buf *out, size_t number, const char *why)
{
    fal_buf_printf(out, "[%zu] %s\n", number, why);
}

static bool is_names(const fal_sheet *s, size_t column)
{
    return s->rows && cell_at(s, 0, column)->text;
}

static void write_text(const fal_sheet *s, fal_buf *out)
{
    char text[CELL_TEXT];
    size_t total = 0;
    fal_buf_printf(out, "%s\n\n", s->title);
    for (size_t r = 0; r < s->header_rows; r++)
        for (size_t c = 0; c < s->columns; c++)
            put_aligned(out, header_at(s, r, c), column_width(s, c), is_names(s, c), c + 1 == s->columns);
    for (size_t c = 0; c < s->columns; c++)
        total += column_width(s, c) + 2;
    for (size_t i = 2; i < total; i++)
        fal_buf_puts(out, "-");
    fal_buf_puts(out, "\n");
    for (size_t r = 0; r < s->rows; r++)
        for (size_t c = 0; c < s->columns; c++) {
            cell_text(s, cell_at(s, r, c), text);
            put_aligned(out, text, column_width(s, c), is_names(s, c), c + 1 == s->columns);
        }
    fal_buf_puts(out, "\n");
    if (s->with_paper)
        fal_buf_printf(out, "%s\n", own_and_paper);
    if (s->note)
        fal_buf_printf(out, "%s\n", s->note);
    put_notes(s, text_note, out);
}

/* ---- CSV ---- */

/* "B AV1M FAVC": the header's lines in one. */
static void one_header(const fal_sheet *s, size_t column, fal_buf *out)
{
    fal_buf_clear(out);
    for (size_t r = 0; r < s->header_rows; r++)
        if (header_at(s, r, column)[0])
            fal_buf_printf(out, "%s%s", out->length ? " " : "", header_at(s, r, column));
}

static void csv_header(const fal_sheet *s, fal_buf *out)
{
    fal_buf line = {0}, name = {0};
    for (size_t c = 0; c < s->columns; c++) {
        one_header(s, c, &name);
        size_t length = name.length;
        fal_csv_put(&line, length ? name.data : "");
        if (is_names(s, c))
            continue;
        static const char *const more[] = {" spread", " paper", " reason"};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
            one_header(s, c, &name);
            fal_buf_puts(&name, more[i]);
            fal_csv_put(&line, name.data ? name.data : "");
        }
    }
    fal_buf_printf(out, "%s\r\n", line.data ? line.data : "");
    out->failed |= line.failed | name.failed;
    fal_buf_free(&line);
    fal_buf_free(&name);
}

static void csv_number(fal_buf *line, double value)
{
    char text[32] = "";
    if (isfinite(value))
        fal_format_double(text, value);
    fal_csv_put(line, text);
}

static void write_csv(const fal_sheet *s, fal_buf *out)
{
    csv_header(s, out);
    for (size_t r = 0; r < s->rows; r++) {
        fal_buf line = {0};
        for (size_t c = 0; c < s->columns; c++) {
            const fal_sheet_cell *cell = cell_at(s, r, c);
            if (is_names(s, c)) {
                fal_csv_put(&line, cell->text ? cell->text : "");
                continue;
            }
            csv_number(&line, cell->own);
            csv_number(&line, cell->spread);
            csv_number(&line, cell->paper);
            fal_csv_put(&line, cell->why ? cell->why : "");
        }
        fal_buf_printf(out, "%s\r\n", line.data ? line.data : "");
        out->failed |= line.failed;
        fal_buf_free(&line);
    }
}

/* ---- text of other languages ---- */

typedef struct escape {
    char from;
    const char *to;
} escape;

static void put_escaped(fal_buf *out, const char *text, const escape *table)
{
    for (; *text; text++) {
        const escape *e = table;
        while (e->from && e->from != *text)
            e++;
        if (e->from)
            fal_buf_puts(out, e->to);
        else
            fal_buf_append(out, text, 1);
    }
}

/* ---- Markdown ---- */

static const escape markdown[] = {{'|', "\\|"}, {'*', "\\*"}, {'_', "\\_"}, {'<', "&lt;"}, {0, NULL}};

static void markdown_note(fal_buf *out, size_t number, const char *why)
{
    fal_buf_printf(out, "- [%zu] ", number);
    put_escaped(out, why, markdown);
    fal_buf_puts(out, "\n");
}

static void write_markdown(const fal_sheet *s, fal_buf *out)
{
    char text[CELL_TEXT];
    fal_buf name = {0};
    fal_buf_printf(out, "### %s\n\n|", s->title);
    for (size_t c = 0; c < s->columns; c++) {
        one_header(s, c, &name);
        fal_buf_puts(out, " ");
        put_escaped(out, name.length ? name.data : "", markdown);
        fal_buf_puts(out, " |");
    }
    fal_buf_puts(out, "\n|");
    for (size_t c = 0; c < s->columns; c++)
        fal_buf_puts(out, is_names(s, c) ? "---|" : "--:|");
    fal_buf_puts(out, "\n");
    for (size_t r = 0; r < s->rows; r++) {
        fal_buf_puts(out, "|");
        for (size_t c = 0; c < s->columns; c++) {
            cell_text(s, cell_at(s, r, c), text);
            fal_buf_puts(out, " ");
            put_escaped(out, text, markdown);
            fal_buf_puts(out, " |");
        }
        fal_buf_puts(out, "\n");
    }
    fal_buf_printf(out, "\n%s%s%s%s", s->with_paper ? own_and_paper : "", s->with_paper ? "\n" : "",
                   s->note ? s->note : "", s->note ? "\n" : "");
    put_notes(s, markdown_note, out);
    out->failed |= name.failed;
    fal_buf_free(&name);
}

/* ---- LaTeX ---- */

static const escape latex[] = {{'&', "\\&"},
                               {'%', "\\%"},
                               {'$', "\\$"},
                               {'#', "\\#"},
                               {'_', "\\_"},
                               {'{', "\\{"},
                               {'}', "\\}"},
                               {'~', "\\textasciitilde{}"},
                               {'^', "\\textasciicircum{}"},
                               {'\\', "\\textbackslash{}"},
                               {0, NULL}};

static void latex_note(fal_buf *out, size_t number, const char *why)
{
    fal_buf_printf(out, "[%zu] ", number);
    put_escaped(out, why, latex);
    fal_buf_puts(out, "\\\\\n");
}

static void latex_cell(const fal_sheet *s, const fal_sheet_cell *c, fal_buf *out)
{
    char text[CELL_TEXT];
    cell_text(s, c, text);
    if (c->grey)
        fal_buf_puts(out, "\\textcolor{gray}{");
    put_escaped(out, text, latex);
    if (c->grey)
        fal_buf_puts(out, "}");
}

static void write_latex(const fal_sheet *s, fal_buf *out)
{
    fal_buf_puts(out, "% needs booktabs and xcolor\n\\begin{table}\n\\centering\n\\begin{tabular}{");
    for (size_t c = 0; c < s->columns; c++)
        fal_buf_puts(out, is_names(s, c) ? "l" : "r");
    fal_buf_puts(out, "}\n\\toprule\n");
    for (size_t r = 0; r < s->header_rows; r++)
        for (size_t c = 0; c < s->columns; c++) {
            put_escaped(out, header_at(s, r, c), latex);
            fal_buf_puts(out, c + 1 < s->columns ? " & " : " \\\\\n");
        }
    fal_buf_puts(out, "\\midrule\n");
    for (size_t r = 0; r < s->rows; r++)
        for (size_t c = 0; c < s->columns; c++) {
            latex_cell(s, cell_at(s, r, c), out);
            fal_buf_puts(out, c + 1 < s->columns ? " & " : " \\\\\n");
        }
    fal_buf_puts(out, "\\bottomrule\n\\end{tabular}\n\\caption{");
    put_escaped(out, s->title, latex);
    fal_buf_printf(out, ".%s%s", s->with_paper ? " " : "", s->with_paper ? own_and_paper : "");
    fal_buf_puts(out, s->note ? " " : "");
    put_escaped(out, s->note ? s->note : "", latex);
    fal_buf_puts(out, "}\n");
    put_notes(s, latex_note, out);
    fal_buf_puts(out, "\\end{table}\n");
}

/* ---- HTML ---- */

static const escape html[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {0, NULL}};

static void html_note(fal_buf *out, size_t number, const char *why)
{
    (void)number;
    fal_buf_puts(out, "<li>");
    put_escaped(out, why, html);
    fal_buf_puts(out, "</li>\n");
}

static void html_row(const fal_sheet *s, size_t row, fal_buf *out)
{
    char text[CELL_TEXT];
    fal_buf_puts(out, "<tr>");
    for (size_t c = 0; c < s->columns; c++) {
        const fal_sheet_cell *cell = cell_at(s, row, c);
        const char *style = cell->grey ? " style=\"color:#888\"" : "";
        fal_buf_printf(out, "<td%s%s>", is_names(s, c) ? "" : " align=\"right\"", style);
        cell_text(s, cell, text);
        put_escaped(out, text, html);
        fal_buf_puts(out, "</td>");
    }
    fal_buf_puts(out, "</tr>\n");
}

static void write_html(const fal_sheet *s, fal_buf *out)
{
    fal_buf_puts(out, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>");
    put_escaped(out, s->title, html);
    fal_buf_puts(out, "</title>\n<table>\n<caption>");
    put_escaped(out, s->title, html);
    fal_buf_puts(out, "</caption>\n<thead>\n");
    for (size_t r = 0; r < s->header_rows; r++) {
        fal_buf_puts(out, "<tr>");
        for (size_t c = 0; c < s->columns; c++) {
            fal_buf_puts(out, "<th>");
            put_escaped(out, header_at(s, r, c), html);
            fal_buf_puts(out, "</th>");
        }
        fal_buf_puts(out, "</tr>\n");
    }
    fal_buf_puts(out, "</thead>\n<tbody>\n");
    for (size_t r = 0; r < s->rows; r++)
        html_row(s, r, out);
    fal_buf_puts(out, "</tbody>\n</table>\n<p>");
    put_escaped(out, s->with_paper ? own_and_paper : "", html);
    fal_buf_puts(out, " ");
    put_escaped(out, s->note ? s->note : "", html);
    fal_buf_puts(out, "</p>\n<ol>\n");
    put_notes(s, html_note, out);
    fal_buf_puts(out, "</ol>\n");
}

/* ---- the formats ---- */

typedef void sheet_writer(const fal_sheet *sheet, fal_buf *out);
static const struct {
    const char *ending;
    sheet_writer *write;
} formats[FAL_SHEET_FORMATS] = {
    [FAL_SHEET_TEXT] = {".txt", write_text},        [FAL_SHEET_CSV] = {".csv", write_csv},
    [FAL_SHEET_MARKDOWN] = {".md", write_markdown}, [FAL_SHEET_LATEX] = {".tex", write_latex},
    [FAL_SHEET_HTML] = {".html", write_html},
};

const char *fal_sheet_ending(fal_sheet_format format)
{
    return formats[format].ending;
}

void fal_sheet_write(const fal_sheet *sheet, fal_sheet_format format, fal_buf *out)
{
    formats[format].write(sheet, out);
}
