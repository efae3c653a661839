/* Writers: results that are already computed, as JSON and as pictures. None of them computes a result. */
#ifndef FALSETTO_REPORT_H
#define FALSETTO_REPORT_H

#include <falsetto/compare.h>
#include <falsetto/judge.h>
#include <falsetto/localise.h>
#include <falsetto/scores.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The whole judgement as JSON (docs/result-format.md, "format": "falsetto-judgement-1"): verdict, opinions with every
 * frame logit, ranges, reasons, media facts; everything needed to redraw the timeline. *json is freed with
 * fal_text_free. `compact`: one line, for JSON-lines output. */
FAL_API fal_status fal_judgement_json(const fal_judgement *judgement, bool compact, char **json, fal_error *err);

/* The timeline as a picture: one curve of frame logits per opinion, ranges shaded, verdict as title. The format follows
 * the name: .svg, .pdf or .png. Atomic. */
FAL_API fal_status fal_judgement_draw(const fal_judgement *judgement, const char *path, fal_error *err);

/* One detector on one list of clips. */
typedef struct fal_evaluation_row {
    const char *name;              /* the list or score file */
    fal_evaluation evaluation;
    size_t missing, empty, unlabelled; /* clips left out: without features, of no frames, without a label */
    const char *column;            /* of `breakdown`; NULL: none */
    const fal_breakdown *breakdown;
    const fal_localisation *localisation; /* NULL: none */
    const fal_ap_ar *ap_ar;        /* NULL: none */
} fal_evaluation_row;

/* Rows as JSON (docs/metrics.md, "format": "falsetto-evaluation-1"); numbers without a value are null. *json is freed
 * with fal_text_free. */
FAL_API fal_status fal_evaluation_json(const fal_evaluation_row *rows, size_t count, char **json, fal_error *err);

/* "format": "falsetto-segments-1". */
FAL_API fal_status fal_ap_ar_json(const fal_ap_ar *measured, char **json, fal_error *err);

/* "format": "falsetto-comparison-1". names [comparison->count]. */
FAL_API fal_status fal_comparison_json(const fal_comparison *comparison, const char *const *names, fal_fusion fusion,
                                       char **json, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
