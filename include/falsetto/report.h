/* Writers: results that are already computed, as JSON and as pictures. None of them computes a result. */
#ifndef FALSETTO_REPORT_H
#define FALSETTO_REPORT_H

#include <falsetto/judge.h>

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

#ifdef __cplusplus
}
#endif
#endif
