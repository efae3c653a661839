#include "core/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MIN_BAR = 5, MAX_BAR = 40, MAX_CLOCK_S = 99 * 3600 + 3599, LINE_BYTES = 512 };

/* A line under construction; what does not fit is cut off. */
typedef struct line {
    char text[LINE_BYTES];
    int used;
} line;

static void FAL_PRINTF(2, 3) add(line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int more = vsnprintf(l->text + l->used, (size_t)(LINE_BYTES - l->used), fmt, ap);
    va_end(ap);
    l->used = more < 0 ? l->used : more < LINE_BYTES - l->used ? l->used + more : LINE_BYTES - 1;
}

static void add_clock(line *l, double seconds)
{
    int s = seconds > 0 ? (int)(seconds < MAX_CLOCK_S ? seconds + 0.5 : MAX_CLOCK_S) : 0;
    if (s >= 3600)
        add(l, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    else
        add(l, "%d:%02d", s / 60, s % 60);
}

/* Rate and remaining (unknown total: elapsed) time; nothing before there is something to measure. */
static void add_speed(line *l, double done, double total, double elapsed_s)
{
    double rate = elapsed_s > 0 ? done / elapsed_s : 0;
    if (!(rate > 0 && rate < 1e12))
        return;
    add(l, "  %.*f/s  ", rate < 1 ? 2 : rate < 100 ? 1 : 0, rate);
    add_clock(l, total > 0 ? (total - done) / rate : elapsed_s);
    if (total > 0)
        add(l, " left");
}

static void add_bar(line *l, int width, double fraction)
{
    add(l, "  [");
    for (int i = 0; i < width; i++)
        add(l, i < (int)(fraction * width) ? "#" : "-");
    add(l, "]");
}

void fal_progress_format(char *out, unsigned long size, int width, const char *what, double done, double total,
                         double elapsed_s)
{
    line head = {.used = 0}, tail = {.used = 0};
    add(&head, "%.200s", what);
    if (total > 0) {
        double fraction = done > 0 ? (done < total ? done / total : 1) : 0;
        add(&tail, "  %3d%%", (int)(fraction * 100));
        add_speed(&tail, fraction * total, total, elapsed_s);
        int room = width - head.used - tail.used - 4; /* two blanks and the brackets */
        if (room >= MIN_BAR)
            add_bar(&head, room < MAX_BAR ? room : MAX_BAR, fraction);
    } else {
        add(&tail, "  %.0f", done > 0 ? done : 0);
        add_speed(&tail, done, 0, elapsed_s);
    }
    add(&head, "%s", tail.text);
    if (size > 0)
        snprintf(out, size, "%.*s", width > 0 ? width : 0, head.text);
}
