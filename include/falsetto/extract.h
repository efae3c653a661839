/* Features of a whole dataset: one .npz per clip, mirroring the dataset's paths, in the official key names. */
#ifndef FALSETTO_EXTRACT_H
#define FALSETTO_EXTRACT_H

#include <falsetto/encoder.h>
#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_extract_options {
    const char *csv;       /* columns path and, for training, label */
    const char *root;      /* folder the paths are relative to; NULL: the CSV's own folder */
    const char *out;       /* output folder, made if needed */
    const char *encoder;   /* path or registry name */
    fal_stream stream;     /* 0: every stream the encoder has ("audio", "visual", "multimodal" in one file) */
    fal_number_format numbers;
    bool half_precision;   /* store float16 */
    bool exact_preprocessing, trim_silence;
    int jobs;              /* clips at the same time; 0: one per core */
    int threads;           /* cores in all; 0: all available */
    const fal_progress *progress;
    const fal_log *log;
} fal_extract_options;

typedef struct fal_extract_report {
    size_t clips, written, kept, failed; /* kept: already there, complete and readable */
    double seconds;
} fal_extract_report;

/* Resumable: clips whose file is complete are kept. A clip that fails is reported in <out>/failed.csv (path,reason) and
 * never stops the others. A path with ".." in it fails, and so do clips that would share one file ("a.mp4" and "a.wav":
 * the layout drops the last four characters). <out>/extract.json records encoder and options; running with other ones
 * into the same folder is refused. */
FAL_API fal_status fal_extract(const fal_extract_options *options, fal_extract_report *report, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
