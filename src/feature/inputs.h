/* From a clip to what encoders read: sound and crops in memory, pictures handed on as they are decoded, and the facts
 * found on the way. One decoding serves all of it, and a second one whatever is cut out around the face. */
#ifndef FAL_FEATURE_INPUTS_H
#define FAL_FEATURE_INPUTS_H

#include "core/log.h"
#include "core/status.h"
#include "face/detector.h"
#include "face/picture.h"
#include "tensor/tensor.h"

#include <falsetto/judge.h>

enum { FAL_FRAMES_PER_SECOND = 25 }; /* of pictures, and of rows in step with them */

/* Takes pictures one by one, so that nobody holds a clip of them. Pixels last for the call. */
typedef struct fal_picture_sink {
    fal_input_kind
        kind; /* FAL_INPUT_FRAME: whole frames; FAL_INPUT_FACE: the square around the face that is followed */
    fal_status (*take)(void *user, const fal_picture *picture, fal_error *err);
    void *user;
} fal_picture_sink;

typedef struct fal_input_request {
    bool wave;       /* 16 kHz mono, torchaudio's resampling: every encoder that reads the waveform */
    bool logfbank;   /* AV-HuBERT's stacked log filterbank, soxr-HQ resampling */
    bool mouth;      /* 96x96 grey mouth crops, in AV-HuBERT's alignment unless mouth_alignment says otherwise */
    bool mouth_avsr; /* 96x96 RGB mouth crops, in Auto-AVSR's alignment */
    fal_mouth_alignment mouth_alignment;
    bool from_crops; /* the clip's crops are read in its place: crop_inputs.h */
    const fal_picture_sink *sinks;
    size_t sink_count;
    /* Takes every mouth crop of the clip in colour, 96x96, those of a trimmed start too: AV-HuBERT's alignment unless
     * mouth_alignment is Auto-AVSR's. Its kind is not looked at; NULL: not wanted. */
    const fal_picture_sink *crop_sink;
    bool sound_facts;       /* level, speech time: from whichever waveform is read (soxr-HQ if none is asked for) */
    bool exact;             /* official scripts to the letter */
    bool trim_silence;      /* AVH-Align's --trimmed: drops leading silence and the frames beside it */
    int face;               /* 0: most persistent; N: the N-th, from 1 */
    int threads;            /* decoder threads */
    fal_detector *detector; /* borrowed; needed for mouths and faces, but not from crops */
    const fal_progress *progress;
    const fal_log *log;
} fal_input_request;

typedef struct fal_clip_inputs {
    fal_media_info media;
    fal_media_report report;
    fal_sound_facts sound;
    fal_face_facts face;

    bool has_audio, has_video;
    float *wave; /* [wave_count], or NULL */
    int64_t wave_count;
    float *logfbank; /* [audio_rows, 104], or NULL */
    int64_t audio_rows;
    uint8_t *mouth;         /* [frames, 96, 96], or NULL */
    uint8_t *mouth_avsr;    /* [frames, 96, 96, 3], or NULL */
    fal_error avsr_refusal; /* exact: why Auto-AVSR's script would not take this clip; else without a code */
    int64_t frames;         /* video frames after trimming */
    double frame_hz;        /* of them: 25, or the clip's own average when exact */
    double start_s;         /* time of the first row in the clip: 0, or later when silence was trimmed */
    /* Wall time: decoding and cutting; the first decoding where it follows faces; what the sinks took of either is in
     * sink_s only. */
    double decode_s, face_s, sink_s;
} fal_clip_inputs;

/* A stream the clip does not have leaves its arrays NULL, and sinks without a call: that is no error here. Audio rows
 * and video frames are not cut to equal length; fal_paired_rows does that for the encoders that look at both. */
fal_status fal_clip_inputs_read(const char *path, const fal_input_request *request, fal_clip_inputs *out,
                                fal_error *err);
void fal_clip_inputs_free(fal_clip_inputs *inputs);

/* Rows an AV-HuBERT pass sees: both streams are cut to the shorter one when both exist. */
int64_t fal_paired_rows(const fal_clip_inputs *inputs);

#endif
