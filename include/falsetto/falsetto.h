/* Falsetto: tells real talking-head video from deepfakes with frozen self-supervised encoders and small trained heads.
 *
 * Rules that hold everywhere:
 *   - fal_status and fal_error: see status.h. On failure out parameters are untouched and err->text says which file,
 *     what was found and what was wanted. An err of NULL is fine.
 *   - Objects are opaque; `fal_x_free(fal_x **x)` accepts NULL and pointers to NULL and leaves NULL. Strings and arrays
 *     reachable from an object belong to it unless the comment says "the caller's".
 *   - Option structs: zero is the default; set fields by name. Pointers inside must live as long as the call, or the
 *     object made by it.
 *   - Threads: different objects may be used by different threads at the same time. fal_encoder and fal_head are
 *     immutable once open and may be shared; everything else serves one thread at a time.
 *   - Units are in the names: _s seconds, _hz per second, _px pixels. Logits are natural-log odds; higher is more fake.
 *   - The library does not print, exit, or touch signal handlers. It keeps no global state but the list of temporary
 *     files being written (files.h, fal_discard_unfinished).
 *   - Files are written to a temporary name and renamed: a stopped program leaves no half-written file behind. */
#ifndef FALSETTO_FALSETTO_H
#define FALSETTO_FALSETTO_H

#include <falsetto/audit.h>
#include <falsetto/encoder.h>
#include <falsetto/compare.h>
#include <falsetto/eval.h>
#include <falsetto/export.h>
#include <falsetto/extract.h>
#include <falsetto/fetch.h>
#include <falsetto/files.h>
#include <falsetto/head.h>
#include <falsetto/judge.h>
#include <falsetto/localise.h>
#include <falsetto/log.h>
#include <falsetto/media.h>
#include <falsetto/models.h>
#include <falsetto/perturb.h>
#include <falsetto/plots.h>
#include <falsetto/progress.h>
#include <falsetto/report.h>
#include <falsetto/scores.h>
#include <falsetto/status.h>
#include <falsetto/study.h>
#include <falsetto/sweep.h>
#include <falsetto/train.h>

#ifdef __cplusplus
extern "C" {
#endif

FAL_API const char *fal_version(void); /* "0.1.0" */

/* The instruction set the kernels dispatch to on this machine, e.g. "AVX2" or "AVX-512, AMX bf16". */
FAL_API const char *fal_instruction_set(void);

#ifdef __cplusplus
}
#endif
#endif
