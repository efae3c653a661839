/* From a clip to what encoders read: one decoding and one face track serve every input asked for. */
#ifndef FAL_FEATURE_INPUTS_H
#define FAL_FEATURE_INPUTS_H

#include "core/log.h"
#include "core/status.h"
#include "face/detector.h"
#include "tensor/tensor.h"

#include <falsetto/judge.h>

typedef struct fal_input_request {
    bool wave;              /* 16 kHz mono, torchaudio's resampling: wav2vec2 family */
    bool logfbank;          /* AV-HuBERT's stacked log filterbank, soxr-HQ resampling */
    bool mouth;             /* 96x96 grey mouth crops */
    bool sound_facts;       /* level, speech time: from whichever waveform is read (soxr-HQ if none is asked for) */
    bool exact;             /* official scripts to the letter */
    bool trim_silence;      /* AVH-Align's --trimmed: drops leading silence and the frames beside it */
    int face;               /* 0: most persistent; N: the N-th, from 1 */
    int threads;            /* decoder threads */
    fal_detector *detector; /* borrowed; needed for mouth */
    const fal_progress *progress;
    const fal_log *log;
} fal_input_request;

typedef struct fal_clip_inputs {
    fal_media_info media;
    fal_media_report report;
    fal_sound_facts sound;
    fal_face_facts face;

    bool has_audio, has_video;
    float *wave;            /* [wave_count], or NULL */
    int64_t wave_count;
    float *logfbank;        /* [audio_rows, 104], or NULL */
    int64_t audio_rows;
    uint8_t *mouth;         /* [frames, 96, 96], or NULL */
    int64_t frames;         /* video frames at 25 fps (native rate when exact) after trimming */
    double start_s;         /* time of the first row in the clip: 0, or later when silence was trimmed */
    double decode_s, face_s; /* wall time: sound and crops (second decoding); first decoding with face tracking */
} fal_clip_inputs;

/* A stream the clip does not have leaves its arrays NULL: that is no error here. Audio rows and video frames are not
 * cut to equal length; fal_paired_rows does that for the encoders that look at both. */
fal_status fal_clip_inputs_read(const char *path, const fal_input_request *request, fal_clip_inputs *out,
                                fal_error *err);
void fal_clip_inputs_free(fal_clip_inputs *inputs);

/* Rows an AV-HuBERT pass sees: both streams are cut to the shorter one when both exist. */
int64_t fal_paired_rows(const fal_clip_inputs *inputs);

#endif
