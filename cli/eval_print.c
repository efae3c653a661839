#include "eval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A number with four decimals, "-" where there is none. */
static const char *show(char out[16], double value)
{
    snprintf(out, 16, isnan(value) ? "-" : "%.4f", value);
    return out;
}

static const char *show_interval(char out[32], fal_interval i)
{
    if (isnan(i.low))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "[%.4f, %.4f]", i.low, i.high);
    return out;
}

/* ---- one detector ---- */

static void print_auc(const fal_evaluation *e)
{
    char auc[16], delong[32], bootstrap[32];
    printf("AUC       %s", show(auc, e->metrics.auc));
    if (!isnan(e->delong.low))
        printf("   95 %% interval %s DeLong", show_interval(delong, e->delong));
    if (e->resamples && !isnan(e->bootstrap.low))
        printf(", %s bootstrap of %d", show_interval(bootstrap, e->bootstrap), e->resamples);
    putchar('\n');
}

static void print_errors(const fal_confusion *c, const char *where)
{
    printf("accuracy  %.4f   %s: %zu of %zu fakes found, %zu of %zu reals called fake; balanced ", c->accuracy, where,
           c->true_positives, c->true_positives + c->false_negatives, c->false_positives,
           c->false_positives + c->true_negatives);
    printf(isnan(c->balanced_accuracy) ? "-, " : "%.4f, ", c->balanced_accuracy);
    printf("F1 %.4f\n", c->f1);
}

static void print_evaluation(const fal_evaluation *e, const eval_settings *s)
{
    char a[16], b[16], c[16], where[512];
    const fal_metrics *m = &e->metrics;
    printf("clips     %zu (%zu fake, %zu real)\n", m->count, m->fakes, m->reals);
    print_auc(e);
    printf("AP        %s\n", show(a, m->ap));
    printf("EER       %s   at score %s\n", show(a, m->eer), show(b, m->eer_threshold));
    printf("TPR       %s at FPR 1 %%, %s at 5 %%, %s at 10 %%\n", show(a, e->tpr_at_fpr_1), show(b, e->tpr_at_fpr_5),
           show(c, e->tpr_at_fpr_10));
    print_errors(&e->at_zero, "at score 0");
    if (e->has_threshold) {
        snprintf(where, sizeof where, "at score %.4f, chosen on %s (%s)", e->threshold, s->validation,
                 s->threshold_rule == FAL_THRESHOLD_EER ? "equal error rate" : "Youden's J");
        print_errors(&e->at_threshold, where);
    }
    printf("log-loss  %s\nBrier     %s\n", show(a, m->log_loss), show(b, m->brier));
    printf("ECE       %s   largest gap %s\n", show(a, e->ece), show(b, e->mce));
}

/* ---- several ---- */

static int widest(const eval_subject *subjects, size_t count)
{
    size_t width = strlen("detector");
    for (size_t i = 0; i < count; i++)
        width = strlen(subjects[i].row.name) > width ? strlen(subjects[i].row.name) : width;
    return (int)width;
}

static void print_line(int width, const char *name, const char *what, const fal_evaluation *e)
{
    char auc[16], interval[32], ap[16], eer[16], tpr[16], loss[16], brier[16], ece[16];
    double accuracy = e->has_threshold ? e->at_threshold.accuracy : e->at_zero.accuracy;
    printf("%-*s  %8s  %8s  %-18s  %8s  %8s  %8s  %8.4f  %8s  %8s  %8s\n", width, name, what, show(auc, e->metrics.auc),
           show_interval(interval, e->delong), show(ap, e->metrics.ap), show(eer, e->metrics.eer),
           show(tpr, e->tpr_at_fpr_5), accuracy, show(loss, e->metrics.log_loss), show(brier, e->metrics.brier),
           show(ece, e->ece));
}

static void print_heading(int width, const char *name, const char *what)
{
    printf("%-*s  %8s  %8s  %-18s  %8s  %8s  %8s  %8s  %8s  %8s  %8s\n", width, name, what, "AUC", "95 % (DeLong)",
           "AP", "EER", "TPR@5%", "accuracy", "log-loss", "Brier", "ECE");
}

static void print_table(const eval_subject *subjects, size_t count)
{
    int width = widest(subjects, count);
    print_heading(width, "detector", "clips");
    for (size_t i = 0; i < count; i++) {
        char clips[32];
        snprintf(clips, sizeof clips, "%zu", subjects[i].row.evaluation.metrics.count);
        print_line(width, subjects[i].row.name, clips, &subjects[i].row.evaluation);
    }
}

/* ---- by group ---- */

static void print_group(int width, const fal_group *g)
{
    char counts[32];
    const char *name = g->name[0] ? g->name : "(empty)";
    snprintf(counts, sizeof counts, "%zu/%zu%s", g->fakes, g->reals, g->rule == FAL_GROUP_AGAINST_ALL_REALS ? "*" : "");
    if (g->rule == FAL_GROUP_REALS_ONLY)
        printf("%-*s  %8s  (reals only: they are what fakes are told from)\n", width, name, counts);
    else
        print_line(width, name, counts, &g->evaluation);
}

static void print_breakdown(const char *column, const fal_breakdown *b)
{
    size_t width = strlen("(empty)"), against = 0;
    for (size_t i = 0; i < b->count; i++)
        width = strlen(b->groups[i].name) > width ? strlen(b->groups[i].name) : width;
    width = strlen(column) > width ? strlen(column) : width;
    putchar('\n');
    print_heading((int)width, column, "fake/real");
    for (size_t i = 0; i < b->count; i++) {
        print_group((int)width, &b->groups[i]);
        against += b->groups[i].rule == FAL_GROUP_AGAINST_ALL_REALS;
    }
    if (against)
        printf("* fakes only: told from all reals of the list\n");
}

/* ---- where in the clip ---- */

static void print_localisation(const fal_localisation *l)
{
    char auc[16], ap[16], macro[16];
    printf("\nframes    %zu of %zu clips, %zu of them fake\n", l->frames, l->clips, l->fake_frames);
    printf("AUC       %s   all frames in one pool; mean of %zu clips with both kinds: %s\n", show(auc, l->auc),
           l->clips_with_both, show(macro, l->macro_auc));
    printf("AP        %s\n", show(ap, l->ap));
}

void eval_print_segments(const fal_ap_ar *a)
{
    char value[16];
    printf("segments  %zu true ones, %zu proposed\n", a->segments, a->proposals);
    for (size_t i = 0; i < FAL_AP_IOUS; i++)
        printf("AP@%-6g %s\n", a->iou[i], show(value, a->ap[i]));
    for (size_t i = 0; i < FAL_AR_COUNTS; i++)
        printf("AR@%-6zu %s\n", a->first[i], show(value, a->ar[i]));
    printf("score     %s\n", show(value, a->score));
}

void eval_print(const eval_subject *subjects, size_t count, const eval_settings *settings)
{
    if (count == 1)
        print_evaluation(&subjects[0].row.evaluation, settings);
    else if (count)
        print_table(subjects, count);
    for (size_t i = 0; i < count; i++) {
        const fal_evaluation_row *row = &subjects[i].row;
        if (count > 1 && (row->breakdown || row->localisation || row->ap_ar))
            printf("\n%s\n", row->name);
        if (row->breakdown)
            print_breakdown(row->column, row->breakdown);
        if (row->localisation)
            print_localisation(row->localisation);
        if (row->ap_ar && row->localisation)
            putchar('\n');
        if (row->ap_ar)
            eval_print_segments(row->ap_ar);
    }
}
