#include "core/progress.h"

#include "core/buf.h"

#include <stdio.h>
#include <string.h>

enum { MIN_BAR = 5, MAX_BAR = 40, TAIL_BYTES = 96 };

static void put_clock(char *out, size_t size, double seconds)
{
    long s = seconds < 0 ? 0 : seconds > 359999 ? 359999 : (long)(seconds + 0.5); /* 99:59:59 at most */
    if (s >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* "  3.1/s" and what follows it; nothing before a first measurement exists. */
static void put_rate(char *out, size_t size, double done, double total, double elapsed_s)
{
    char left[16];
    double rate = elapsed_s > 0 ? done / elapsed_s : 0;
    out[0] = '\0';
    if (!(rate > 0))
        return;
    int used = snprintf(out, size, rate < 100 ? "  %.1f/s" : "  %.0f/s", rate < 1e9 ? rate : 1e9);
    if (total > 0) {
        put_clock(left, sizeof left, (total - done) / rate);
        snprintf(out + used, size - (size_t)used, "  %s left", left);
    } else {
        put_clock(left, sizeof left, elapsed_s);
        snprintf(out + used, size - (size_t)used, "  %s", left);
    }
}

static void put_bar(char *out, int width, double fraction)
{
    int full = (int)(fraction * width);
    out[0] = '[';
    memset(out + 1, '#', (size_t)full);
    memset(out + 1 + full, '-', (size_t)(width - full));
    memcpy(out + 1 + width, "]", 2);
}

void fal_progress_format(char *out, unsigned long size, int width, const char *what, double done, double total,
                         double elapsed_s)
{
    char line[512], tail[TAIL_BYTES], amount[32], bar[MAX_BAR + 3] = "";
    if (size == 0)
        return;
    if (total > 0) {
        double fraction = done <= 0 ? 0 : done >= total ? 1 : done / total;
        snprintf(amount, sizeof amount, "%s%3d%%", "", (int)(fraction * 100));
        put_rate(tail, sizeof tail, fraction * total, total, elapsed_s);
        int room = width - (int)(strlen(what) + strlen(amount) + strlen(tail)) - 6; /* brackets, two gaps of two */
        if (room >= MIN_BAR)
            put_bar(bar, room < MAX_BAR ? room : MAX_BAR, fraction);
    } else {
        snprintf(amount, sizeof amount, "%.0f", done > 0 && done < 1e15 ? done : 0);
        put_rate(tail, sizeof tail, done, 0, elapsed_s);
    }
    snprintf(line, sizeof line, "%s%s%s  %s%s", what, bar[0] ? "  " : "", bar, amount, tail);
    int keep = width < 0 ? 0 : width;
    snprintf(out, size, "%.*s", keep, line);
}
