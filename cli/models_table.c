#include "cli.h"
#include "models.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MARK, NAME, FAMILY, SIZE, STREAMS, DIM, RATE, LICENCE, SOURCE, COLUMNS, CELL = 96, GAP = 2 };

static const struct {
    const char *title;
    bool right; /* aligned */
} columns[COLUMNS] = {
    [MARK] = {"", false},     [NAME] = {"name", false},       [FAMILY] = {"family", false},
    [SIZE] = {"size", false}, [STREAMS] = {"streams", false}, [DIM] = {"dim", true},
    [RATE] = {"Hz", true},    [LICENCE] = {"licence", false}, [SOURCE] = {"source", false},
};

/* What a narrow terminal goes without, first to last: names tell size and family. */
static const int dispensable[] = {SOURCE, SIZE, FAMILY, STREAMS};

typedef struct row {
    char cells[COLUMNS][CELL];
} row;

typedef struct table {
    row *rows;
    size_t count;
    size_t widths[COLUMNS]; /* 0: left out */
    size_t most;            /* width of the terminal */
} table;

/* No limit where the output is not a terminal. */
static size_t terminal_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return SIZE_MAX;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool fill(row *r, const fal_model_entry *e, fal_model_state state)
{
    static const char *const marks[] = {
        [FAL_MODEL_ABSENT] = " ", [FAL_MODEL_UNFINISHED] = "~", [FAL_MODEL_INSTALLED] = "*", [FAL_MODEL_DRAWN] = "+"};
    const char *texts[COLUMNS] = {[MARK] = marks[state], [NAME] = e->name,       [FAMILY] = e->family,
                                  [SIZE] = e->size,      [STREAMS] = e->streams, [DIM] = "",
                                  [RATE] = "",           [LICENCE] = e->licence, [SOURCE] = e->source};
    for (int c = 0; c < COLUMNS; c++)
        snprintf(r->cells[c], CELL, "%s%s", texts[c], c == LICENCE && e->non_commercial ? " [nc]" : "");
    snprintf(r->cells[DIM], CELL, "%lld", (long long)e->dim);
    snprintf(r->cells[RATE], CELL, "%g", e->rate_hz);
    return state == FAL_MODEL_INSTALLED || state == FAL_MODEL_DRAWN;
}

static fal_status collect(const models_filter *filter, table *t, fal_error *err)
{
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *e = fal_model_at(i);
        fal_model_state state = FAL_MODEL_ABSENT;
        if (filter->family && strcmp(filter->family, e->family) != 0)
            continue;
        fal_status st = fal_model_look(e->name, &state, err);
        if (st != FAL_OK)
            return st;
        bool usable = fill(&t->rows[t->count], e, state);
        t->count += usable || !filter->installed;
    }
    return FAL_OK;
}

static size_t total_width(const table *t)
{
    size_t total = 0;
    for (int c = 0; c < COLUMNS; c++)
        total += t->widths[c] ? t->widths[c] + (total ? GAP : 0) : 0;
    return total;
}

static void choose_columns(table *t)
{
    for (int c = 0; c < COLUMNS; c++) {
        t->widths[c] = c == MARK ? 1 : strlen(columns[c].title);
        for (size_t i = 0; i < t->count; i++)
            t->widths[c] = strlen(t->rows[i].cells[c]) > t->widths[c] ? strlen(t->rows[i].cells[c]) : t->widths[c];
    }
    for (size_t d = 0; d < sizeof dispensable / sizeof *dispensable && total_width(t) > t->most; d++)
        t->widths[dispensable[d]] = 0;
}

/* One line, cut where the terminal ends. */
static void print_row(const table *t, const char *const cells[COLUMNS])
{
    char line[COLUMNS * (CELL + GAP)];
    size_t used = 0;
    for (int c = 0; c < COLUMNS; c++) {
        int width = (int)t->widths[c];
        if (width)
            used += (size_t)snprintf(line + used, sizeof line - used, "%*s%*s", used ? GAP : 0, "",
                                     columns[c].right ? width : -width, cells[c]);
    }
    while (used && line[used - 1] == ' ')
        used--;
    printf("%.*s\n", (int)(used < t->most ? used : t->most), line);
}

static void print_table(const table *t)
{
    const char *cells[COLUMNS];
    for (int c = 0; c < COLUMNS; c++)
        cells[c] = columns[c].title;
    print_row(t, cells);
    for (size_t i = 0; i < t->count; i++) {
        for (int c = 0; c < COLUMNS; c++)
            cells[c] = t->rows[i].cells[c];
        print_row(t, cells);
    }
    printf(
        "\n* installed   ~ download unfinished   + drawn from a seed, needs no file   [nc] non-commercial use only\n");
}

static bool is_family(const char *name)
{
    for (size_t i = 0; i < fal_model_count(); i++)
        if (!strcmp(fal_model_at(i)->family, name))
            return true;
    return false;
}

int models_table(const models_filter *filter)
{
    fal_error err = {0};
    table t = {.most = terminal_width()};
    if (filter->family && !is_family(filter->family)) {
        cli_warn("there is no model of a family \"%s\"; `falsetto models list` shows all", filter->family);
        return EXIT_INPUT;
    }
    t.rows = calloc(fal_model_count() + 1, sizeof *t.rows);
    if (!t.rows) {
        cli_warn("out of memory");
        return EXIT_INPUT;
    }
    fal_status st = collect(filter, &t, &err);
    if (st == FAL_OK) {
        choose_columns(&t);
        print_table(&t);
    }
    free(t.rows);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}
