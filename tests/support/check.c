#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct stage {
    const char *name;
    double atol, rtol;
    size_t n, non_finite, bad, worst;
    double max_abs, diff_sq, want_sq, worst_excess, worst_got, worst_want;
} stage;

static void note_bad(stage *s, size_t i, double got, double want, double excess)
{
    if (s->bad++ == 0 || excess > s->worst_excess) {
        s->worst = i;
        s->worst_excess = excess;
        s->worst_got = got;
        s->worst_want = want;
    }
}

static void compare(stage *s, size_t i, double got, double want)
{
    if (!isfinite(got) || !isfinite(want)) {
        bool same = got == want || (isnan(got) && isnan(want));
        s->non_finite++;
        if (!same)
            note_bad(s, i, got, want, INFINITY);
        return;
    }
    double diff = fabs(got - want);
    double excess = diff - (s->atol + s->rtol * fabs(want));
    s->max_abs = fmax(s->max_abs, diff);
    s->diff_sq += diff * diff;
    s->want_sq += want * want;
    if (excess > 0)
        note_bad(s, i, got, want, excess);
}

static void conclude(const stage *s, const char *file, int line)
{
    double rel_l2 = sqrt(s->diff_sq) / (s->want_sq > 0 ? sqrt(s->want_sq) : 1);
    print_message("parity %-40s max_abs %.2e  rel_l2 %.2e  non_finite %zu/%zu  tolerance %.2g + %.2g*|want|\n", s->name,
                  s->max_abs, rel_l2, s->non_finite, s->n, s->atol, s->rtol);
    if (s->n == 0) {
        print_error("%s: nothing to compare\n", s->name);
        _fail(file, line);
    }
    if (s->bad) {
        print_error("%s: %zu of %zu elements differ; worst at [%zu]: got %.9g, want %.9g\n", s->name, s->bad, s->n,
                    s->worst, s->worst_got, s->worst_want);
        _fail(file, line);
    }
}

void fal_check_close_at(const char *name, const float *got, const float *want, size_t n, double atol, double rtol,
                        const char *file, int line)
{
    stage s = {.name = name, .atol = atol, .rtol = rtol, .n = n};
    for (size_t i = 0; i < n; i++)
        compare(&s, i, got[i], want[i]);
    conclude(&s, file, line);
}

void fal_check_close_f64_at(const char *name, const double *got, const double *want, size_t n, double atol, double rtol,
                            const char *file, int line)
{
    stage s = {.name = name, .atol = atol, .rtol = rtol, .n = n};
    for (size_t i = 0; i < n; i++)
        compare(&s, i, got[i], want[i]);
    conclude(&s, file, line);
}

void fal_check_ok_at(const char *call, fal_status got, const fal_error *err, const char *file, int line)
{
    if (got == FAL_OK)
        return;
    print_error("%s\n  failed (%s): %s\n", call, fal_status_name(got), err ? err->text : "");
    _fail(file, line);
}

void fal_check_fails_at(const char *call, fal_status got, fal_status want, const char *part, const fal_error *err,
                        const char *file, int line)
{
    const char *text = got != FAL_OK && err ? err->text : "";
    if (got != want || (err && (text[0] == '\0' || (part && !strstr(text, part))))) {
        print_error("%s\n  got status \"%s\" with text \"%s\"\n  want status \"%s\" with text containing \"%s\"\n",
                    call, fal_status_name(got), text, fal_status_name(want), part ? part : "");
        _fail(file, line);
    }
}
