/* From a clip to a verdict: decode, find and follow the face, encode, score, pool, calibrate, explain.
 *
 *     fal_judge *judge = NULL;
 *     fal_judge_member member = {.encoder = "self_large_vox_433h.pt", .head = "model-epoch=18.ckpt"};
 *     fal_judge_options options = {.members = &member, .member_count = 1};
 *     if (fal_judge_open(&options, &judge, &err)) fail(err.text);
 *     fal_judgement *result = NULL;
 *     if (fal_judge_clip(judge, "clip.mp4", NULL, &result, &err)) fail(err.text);
 *     printf("%s %.2f\n", fal_verdict_name(result->verdict), result->p_fake);
 *     fal_judgement_free(&result);
 *     fal_judge_free(&judge);
 */
#ifndef FALSETTO_JUDGE_H
#define FALSETTO_JUDGE_H

#include <falsetto/encoder.h>
#include <falsetto/head.h>
#include <falsetto/log.h>
#include <falsetto/media.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fal_verdict {
    FAL_VERDICT_REAL,
    FAL_VERDICT_FAKE,
    FAL_VERDICT_SUSPICIOUS,  /* inside the uncertain band of the heads */
    FAL_VERDICT_CANNOT_JUDGE /* a stream that every member needs is missing or unusable: see the reasons */
} fal_verdict;
FAL_API const char *fal_verdict_name(fal_verdict verdict); /* "REAL", "FAKE", "SUSPICIOUS", "CANNOT JUDGE" */

/* ---- reasons: stable codes plus a sentence ----------------------------------------------------------------------- */

typedef enum fal_severity {
    FAL_SEVERITY_NOTE,    /* worth knowing */
    FAL_SEVERITY_WARNING, /* lowers trust in the verdict */
    FAL_SEVERITY_BLOCKING /* makes judging impossible */
} fal_severity;

typedef struct fal_reason {
    const char *code;  /* e.g. "no-face-partial"; the list is in docs/reasons.md and never changes meaning */
    fal_severity severity;
    char text[240];
} fal_reason;

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The built-in detector: the paper's random AV-HuBERT baseline with a probe trained on drawn puppets. It needs no
 * download and demonstrates the pipeline; its verdicts on real clips mean nothing, and say so. */
#define FAL_DEFAULT_ENCODER "avhubert-random"
#define FAL_DEFAULT_HEAD "builtin:puppet"

/* One encoder with one head. Several members are fused by the mean of their P(fake). */
typedef struct fal_judge_member {
    const char *encoder;  /* path or registry name */
    const char *head;     /* path of a head for this encoder's features, or "builtin:puppet" */
    fal_stream stream;    /* 0: what the head says, else the encoder's default */
    const char *feature;  /* as fal_encoder_options.feature; NULL: what the head says, else the family's default */
} fal_judge_member;

typedef struct fal_judge_options {
    const fal_judge_member *members;
    size_t member_count;
    fal_number_format numbers;
    int threads;              /* cores for one clip; 0: all available */
    const fal_log *log;
} fal_judge_options;

typedef struct fal_judge fal_judge;

/* Members that name the same encoder share one copy of its weights, and its pass over a clip if they read the same
 * stream. A head whose dimension is not the encoder's is refused. One judge serves one clip at a time. */
FAL_API fal_status fal_judge_open(const fal_judge_options *options, fal_judge **out, fal_error *err);
/* Another judge for another thread, sharing encoders, heads and the landmark model; each is freed on its own, in any
 * order. */
FAL_API fal_status fal_judge_clone(const fal_judge *judge, fal_judge **out, fal_error *err);
FAL_API void fal_judge_free(fal_judge **judge);

/* ---- judging ----------------------------------------------------------------------------------------------------- */

typedef struct fal_clip_choices {
    bool exact_preprocessing; /* the official scripts to the letter: native frame rate, detector on every frame */
    bool trim_silence;        /* drop leading silence as AVH-Align does */
    int face;                 /* 0: most persistent face; N: the N-th by persistence, from 1 */
    fal_mouth_alignment mouth_alignment;
    const fal_progress *progress;
} fal_clip_choices;

typedef struct fal_range {
    double start_s, end_s;
    double peak_logit;     /* highest frame logit inside */
    double peak_s;         /* and where */
} fal_range;

/* What one member says. */
typedef struct fal_opinion {
    const char *encoder, *head;
    const char *family, *feature;
    fal_stream stream;
    bool usable;             /* counts in the verdict. False: its stream is missing or too short (then frames is 0 and
                              * the scores are empty), silent, or shows no face to an encoder of mouths or faces */
    double say;              /* its share in the verdict: the fused P(fake) is the sum of say * p_fake; 0 unless usable */
    double clip_logit;       /* raw log-sum-exp, for parity with published results */
    double p_fake;           /* calibrated when the head is, else sigmoid(2 s) */
    bool calibrated;
    int64_t frames;
    double rate_hz, start_s; /* frame t covers start_s + [t, t+1) / rate_hz of the clip */
    const float *frame_logits;
} fal_opinion;

typedef struct fal_face_facts {
    bool looked;              /* a member needed the face, and there was a picture to look at */
    int64_t frames, seen, interpolated, missing;
    int64_t faces;            /* distinct faces followed through the clip */
    double several_fraction;  /* share of frames with more than one face */
    int chosen;               /* the face looked at, from 1; 0: none */
    double median_width;      /* of the chosen face, pixels */
    bool whole_frames;        /* no face anywhere: the middle of the frames instead of mouths and faces */
} fal_face_facts;

typedef struct fal_sound_facts {
    bool present;
    double duration_s;
    double rms_dbfs, peak_dbfs;   /* of the 16 kHz mono signal; -inf for digital silence */
    double speech_s;              /* time above the activity threshold (40 dB below the loud parts) */
    double leading_silence_s;     /* AVH-Align's rule, |x| <= 0.0005 */
} fal_sound_facts;

typedef struct fal_timing {
    double decode_s; /* sound, pictures scaled, and the second decoding, which cuts around the face */
    double face_s;   /* the first decoding where it follows faces */
    double encode_s; /* encoders, heads and explanation */
    double total_s;
} fal_timing;

typedef struct fal_judgement {
    const char *path;
    fal_verdict verdict;
    double p_fake;             /* fused; NAN with CANNOT JUDGE */
    double clip_logit;         /* mean of the members' raw logits; NAN with CANNOT JUDGE */
    double low, high;          /* the band used */
    const fal_opinion *opinions;
    size_t opinion_count;
    const fal_range *ranges;   /* strongest first: stretches whose frame logits stand out */
    size_t range_count;
    const fal_reason *reasons; /* blocking first */
    size_t reason_count;
    fal_media_info media;
    fal_media_report report;
    fal_face_facts face;
    fal_sound_facts sound;
    double duration_s;
    fal_timing timing;
    void *storage;
} fal_judgement;

/* Judges one clip. A clip without the streams the members need is a success with CANNOT JUDGE; an unreadable file is an
 * error. choices may be NULL. */
FAL_API fal_status fal_judge_clip(fal_judge *judge, const char *path, const fal_clip_choices *choices,
                                  fal_judgement **out, fal_error *err);
FAL_API void fal_judgement_free(fal_judgement **judgement);

#ifdef __cplusplus
}
#endif
#endif
