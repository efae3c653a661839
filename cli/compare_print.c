#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int widest(const char *const *names, size_t count)
{
    size_t width = strlen("detector");
    for (size_t i = 0; i < count; i++)
        width = strlen(names[i]) > width ? strlen(names[i]) : width;
    return (int)width;
}

static void print_detectors(const fal_comparison *c, const char *const *names, int width)
{
    printf("    %-*s  %8s  %-18s  %8s\n", width, "detector", "AUC", "95 % (DeLong)", "AP");
    for (size_t k = 0; k < c->count; k++) {
        char interval[32] = "-";
        if (!isnan(c->models[k].interval.low))
            snprintf(interval, sizeof interval, "[%.4f, %.4f]", c->models[k].interval.low, c->models[k].interval.high);
        printf("%2zu  %-*s  %8.4f  %-18s  %8.4f\n", k + 1, width, names[k], c->models[k].auc, interval,
               c->models[k].ap);
    }
}

/* Columns are numbered as the rows are. decimals SMALL: two digits wherever they begin. */
enum { SMALL = -1 };

static void print_matrix(const char *title, const double *values, size_t n, const char *const *names, int width,
                         int decimals)
{
    printf("\n%s\n    %-*s", title, width, "");
    for (size_t c = 0; c < n; c++)
        printf("  %7zu", c + 1);
    putchar('\n');
    for (size_t r = 0; r < n; r++) {
        printf("%2zu  %-*s", r + 1, width, names[r]);
        for (size_t c = 0; c < n; c++) {
            char cell[32] = "-";
            if (!isnan(values[r * n + c]))
                snprintf(cell, sizeof cell, decimals == SMALL ? "%.*g" : "%.*f", decimals == SMALL ? 2 : decimals,
                         values[r * n + c]);
            printf("  %7s", cell);
        }
        putchar('\n');
    }
}

static void print_best(const fal_comparison *c, const char *const *names)
{
    const fal_best_subset *b = &c->best;
    bool first = true;
    printf("\nbest subset: ");
    for (size_t k = 0; k < c->count; k++)
        if (b->members[k]) {
            printf("%s%s", first ? "" : " + ", names[k]);
            first = false;
        }
    printf(": AUC %.4f (%s)\n", b->auc, b->exhaustive ? "every subset tried" : "grown one by one");
    if (b->on_validation)
        printf("  chosen on the validation clips, where its AUC is %.4f\n", b->chosen_auc);
    else
        printf("  chosen on these very clips, so this AUC is optimistic: --val chooses on others\n");
}

void compare_print(const fal_comparison *c, const compare_settings *s)
{
    int width = widest(s->names, c->count);
    const char *fusion = s->fusion == FAL_FUSE_SCORES ? "mean of scores" : "mean of P(fake)";
    char title[96];
    printf("%zu clips in all files (%zu fake, %zu real)\n\n", c->clips, c->fakes, c->reals);
    print_detectors(c, s->names, width);
    print_matrix("Pearson correlation of scores", c->pearson, c->count, s->names, width, 2);
    print_matrix("Spearman correlation", c->spearman, c->count, s->names, width, 2);
    print_matrix("paired DeLong test of the AUCs, p", c->p, c->count, s->names, width, SMALL);
    print_matrix("the same, corrected for all pairs (Holm)", c->p_holm, c->count, s->names, width, SMALL);
    snprintf(title, sizeof title, "AUC of two fused (%s); alone on the diagonal", fusion);
    print_matrix(title, c->fused_auc, c->count, s->names, width, 4);
    print_matrix("relative improvement of the row's AUC by fusing with the column, %", c->improvement, c->count,
                 s->names, width, 2);
    printf("\nall %zu fused: AUC %.4f (mean of P(fake)), %.4f (mean of scores)\n", c->count,
           c->all_auc[FAL_FUSE_PROBABILITIES], c->all_auc[FAL_FUSE_SCORES]);
    print_best(c, s->names);
}
