/* Features of a whole dataset: one .npz per clip and encoder, mirroring the dataset's paths, in the official key names.
 *
 *     fal_extract_encoder encoders[] = {{.source = "clip"}, {.source = "large.pt", .stream = FAL_STREAM_VIDEO}};
 *     fal_extract_options options = {.csv = "labels.csv", .out = "features", .encoders = encoders, .encoder_count = 2};
 *     if (fal_extract(&options, &report, &err)) fail(err.text);      -> features/clip-video/..., features/large-video/...
 */
#ifndef FALSETTO_EXTRACT_H
#define FALSETTO_EXTRACT_H

#include <falsetto/encoder.h>
#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_extract_encoder {
    const char *source;    /* path or registry name */
    fal_stream stream;     /* 0: every stream the encoder has ("audio", "visual", "multimodal" in one file) */
    const char *feature;   /* as fal_encoder_options.feature; NULL: the family's default */
    const char *folder;    /* where its features go, below `out`; NULL: named as told at fal_extract */
} fal_extract_encoder;

typedef struct fal_extract_options {
    const char *csv;       /* columns path and, for training, label */
    const char *root;      /* folder the paths are relative to; NULL: the CSV's own folder */
    const char *out;       /* output folder, made if needed */
    const fal_extract_encoder *encoders;
    size_t encoder_count;
    /* Hidden states to store beside the features, one row per feature row: layers[i] = k is what layer k writes (0: what
     * the first one reads). */
    const int *layers;
    size_t layer_count;
    bool all_layers;
    fal_number_format numbers;
    bool half_precision;   /* store float16 */
    bool exact_preprocessing, trim_silence;
    fal_mouth_alignment mouth_alignment;
    const char *save_crops; /* folder that gets mouth crops and sound of every clip; NULL: none */
    bool from_crops;        /* `root` holds such crops, which are read in place of the clips */
    int shard, shards;     /* this run does the shard-th of `shards` parts of the list, from 1; 0: the whole list */
    int jobs;              /* clips at the same time; 0: one per core */
    int threads;           /* cores in all; 0: all available */
    const fal_progress *progress;
    const fal_log *log;
} fal_extract_options;

typedef struct fal_extract_report {
    size_t clips, encoders; /* clips: of this run's share */
    /* Feature files, one per clip and encoder, and a clip's crops counted as one file; kept: already there, complete,
     * readable. */
    size_t written, kept, failed;
    double seconds;         /* without opening the encoders */
} fal_extract_report;

/* A clip is decoded once for all encoders. With one encoder the files lie in `out`; with several each has a folder
 * below it: the model's name with its stream ("clip-video") where there is only one, and its feature where one was asked
 * for. Each such folder is a feature folder of its own.
 *
 * Arrays: "audio", "visual", "multimodal" for encoders of sound and picture (AV-HuBERT), "arr_0" for the others; hidden
 * states "hidden_7", or "audio_hidden_7" and so on beside a named array. With all streams of AV-HuBERT every array is cut
 * to the shorter of sound and picture, as upstream does; one stream alone keeps its own length, which may be a few rows
 * more.
 *
 * Crops: for the clip "id04/abc.mp4" the pictures "id04/abc_roi.mp4" (96x96 in colour, H.264, 25 per second) and the
 * sound "id04/abc.wav" (16 bits), as AV-HuBERT's and AVH-Align's scripts write them; a clip without sound or without
 * picture has one of the two. save_crops writes them beside features, or alone where there are no encoders: `out` is
 * then NULL, and failed.csv and run.jsonl lie with the crops. They are cut in AV-HuBERT's alignment unless
 * mouth_alignment is Auto-AVSR's, and never trimmed. from_crops reads them, whoever made them; encoders of whole frames
 * or faces are refused, and so is a mouth_alignment: crops have theirs. docs/pipeline.md tells what is lost in between.
 *
 * Resumable: files that are complete are kept, temporary files of killed runs removed. A clip that fails is reported in
 * <out>/failed.csv (path,encoder,reason; "crops" for an encoder's name where its crops failed) and never stops the
 * others; nor does one encoder that a clip has nothing for stop the other encoders. A path with ".." in it fails, and so
 * do clips that would share one file ("a.mp4" and "a.wav": the layout drops the last four characters). <out>/run.jsonl
 * tells, a JSON object per line, what every run did with every clip (docs/pipeline.md).
 *
 * Runs with different shards may go on at the same time, on different machines too, into one folder; rows shard,
 * shard + shards, ... of the list are theirs. extract.json beside the features records encoder (with a checksum of its
 * file) and options; running with other ones into the same folder is refused. */
FAL_API fal_status fal_extract(const fal_extract_options *options, fal_extract_report *report, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
