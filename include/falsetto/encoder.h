/* Encoders: frozen self-supervised networks that turn sound, mouth, face or frames into features per frame.
 *
 * An encoder is opened from a public checkpoint (file or Hugging Face folder, any container this library reads), from a
 * name in the registry, or drawn at random by the upstream rule of its family. Once open it is immutable and may be
 * shared by threads; scratch memory lives in an fal_session, one per thread.
 *
 *     fal_encoder *enc = NULL;
 *     if (fal_encoder_open("self_large_vox_433h.pt", NULL, &enc, &err)) fail(err.text);
 *     printf("%d channels at %g Hz\n", (int)fal_encoder_describe(enc)->dim, fal_encoder_describe(enc)->rate_hz);
 *     fal_encoder_free(&enc);
 */
#ifndef FALSETTO_ENCODER_H
#define FALSETTO_ENCODER_H

#include <falsetto/log.h>
#include <falsetto/media.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_encoder fal_encoder;
typedef struct fal_session fal_session;

/* What an encoder looks at. An encoder with one fixed input (wav2vec2, clip) has that one stream only. */
typedef enum fal_stream { FAL_STREAM_AUDIO = 1, FAL_STREAM_VIDEO = 2, FAL_STREAM_AV = 3 } fal_stream;

/* "audio", "video", "av". */
FAL_API const char *fal_stream_name(fal_stream stream);

/* Form of the network's input, made from a clip by the matching front end. */
typedef enum fal_input_kind {
    FAL_INPUT_NONE,
    FAL_INPUT_WAVE,     /* [samples] float32, 16 kHz mono, not normalised (the encoder does that if its family asks) */
    FAL_INPUT_LOGFBANK, /* [T,104] float32: 26 log-mel bands x 4 rows, each row layer-normalised, 25 Hz (AV-HuBERT) */
    FAL_INPUT_MOUTH,    /* mouth crops in AV-HuBERT's alignment, 25 Hz: [T,96,96] uint8 grey or [T,96,96,3] uint8 RGB,
                           or [T,88,88] float32 already cropped and normalised */
    FAL_INPUT_MOUTH_AVSR, /* the same shapes, aligned as Auto-AVSR does; from a clip always RGB */
    FAL_INPUT_FACE,     /* face crops, [T,side,side,3] uint8 RGB as the description's picture rule makes them, or
                           float32 as the network reads it (pixel_values) */
    FAL_INPUT_FRAME     /* whole frames, the same shapes */
} fal_input_kind;

/* Which alignment the mouth crops of a clip get. */
typedef enum fal_mouth_alignment {
    FAL_MOUTH_BY_FAMILY, /* each encoder the one its authors used: auto-avsr its own, the others AV-HuBERT's */
    FAL_MOUTH_AVHUBERT,  /* AV-HuBERT's for all */
    FAL_MOUTH_AUTO_AVSR  /* Auto-AVSR's for all; encoders of grey crops get them turned grey */
} fal_mouth_alignment;

typedef enum fal_number_format {
    FAL_NUMBERS_F32,  /* float32 throughout; agrees with the original code to its own rounding */
    FAL_NUMBERS_BF16  /* weights in bfloat16, bfloat16 products where the CPU has units for them, float32 sums */
} fal_number_format;

typedef struct fal_encoder_options {
    fal_number_format numbers;  /* default float32 */
    int heads;                  /* attention heads, over what the file says (0: from the file or the family's rule) */
    const char *family;         /* NULL: recognised from the tensor names */
    fal_stream stream;          /* 0: any. When `source` is the name of a family, the stream its model must have; says
                                   nothing about a path or a model's name */
    uint64_t seed;              /* for random encoders; 0 means the documented default seed 1 */
    int threads;                /* used while loading; 0: all */
    double wave_norm_eps;       /* wav2vec2 family: eps of the waveform normalisation; 0: 1e-7 as Hugging Face */
    const char *feature;        /* which of the family's features, NULL: its default. clip: projected (default), pooled,
                                   tokens; videomae: steps (default), clip, tokens; fsfm: pooled (default), mean, cls,
                                   norm-mean, tokens; docs/models/ says what each is */
    const fal_progress *progress; /* of fal_model_verify_json and _text alone, which read large files several times */
    const fal_log *log;         /* NULL: silent */
} fal_encoder_options;

typedef struct fal_encoder_description {
    const char *family;         /* "avhubert", "wav2vec2", ... */
    const char *size;           /* "base", "large", "xls-r-300m", or "custom" */
    const char *origin;         /* path or name it was opened with */
    const char *path;           /* file or folder that was opened, also for a name; NULL: drawn from a seed */
    int streams;                /* bit set of (1 << fal_stream) */
    fal_stream default_stream;
    fal_input_kind audio_input, video_input;
    int64_t dim;                /* channels of a feature row */
    double rate_hz;             /* feature rows per second */
    const char *feature;        /* name of the feature, "features" for families with one */
    fal_picture_rule picture;   /* for FACE and FRAME inputs */
    fal_scaling exact_scaling;  /* takes the place of picture.scaling in exact preprocessing: what the model's own
                                   scripts scale with (official VideoMAE files: OpenCV's filter) */
    int64_t chunk_frames;       /* video frames that can be encoded by themselves: a clip may be given in pieces of any
                                   multiple of this, the rows are the same; 0: the whole clip must be seen at once */
    int64_t layers, width, heads;
    uint64_t parameters;        /* used by the encoder */
    bool random_weights;        /* drawn from a seed: features mean nothing beyond the random baseline */
    fal_number_format numbers;
    const char *arithmetic;     /* "float32", "bfloat16 (native)", "bfloat16 weights, float32 products" */
} fal_encoder_description;

/* `source`: a path; a name of the catalogue (models.h), of an installed model or a random one like "avhubert-random";
 * or the name of a family, which stands for its first installed model. options NULL: the defaults. *out is the caller's
 * to free and set on success only. Errors name missing, misshapen and surplus tensors. */
FAL_API fal_status fal_encoder_open(const char *source, const fal_encoder_options *options, fal_encoder **out,
                                    fal_error *err);
FAL_API void fal_encoder_free(fal_encoder **encoder);
FAL_API const fal_encoder_description *fal_encoder_describe(const fal_encoder *encoder);

/* ---- running ----------------------------------------------------------------------------------------------------- */

typedef enum fal_element { FAL_ELEMENT_F32, FAL_ELEMENT_U8 } fal_element;

/* A C-contiguous array that belongs to whoever made it. */
typedef struct fal_array {
    fal_element type;
    int rank;          /* 1..6 */
    int64_t shape[6];
    const void *data;
} fal_array;

/* One thread's working state: scratch memory and cached kernels. Not for two threads at once; may be used with several
 * encoders in turn. After two calls with the same shapes further ones allocate nothing. */
typedef void fal_stage_callback(void *user, const char *stage, const fal_array *value);
typedef struct fal_session_options {
    int threads;                  /* cores used inside one forward pass; 0: all available */
    const volatile sig_atomic_t *cancel; /* non-zero: the pass ends soon with FAL_ERR_CANCELLED; NULL: never */
    fal_stage_callback *stage;    /* called with every intermediate result, for debugging; NULL: off */
    void *stage_user;
} fal_session_options;
FAL_API fal_status fal_session_create(const fal_session_options *options, fal_session **out, fal_error *err);
FAL_API void fal_session_free(fal_session **session);

typedef struct fal_encode_request {
    fal_stream stream;
    const fal_array *audio;  /* NULL when the stream does not need it; layouts in fal_input_kind, extra leading axes of
                                length 1 and the [1,104,T] order of the original code are accepted */
    const fal_array *video;
    /* Hidden states wanted beside the features: layers[i] = k means what layer k writes (0: what the first one reads).
     * all_layers asks for every one. With skip_features nothing above the highest of them is computed. */
    const int *layers;
    size_t layer_count;
    bool all_layers;
    bool skip_features;      /* true: only the hidden states are wanted */
    bool pool_hidden;        /* hidden states come at the features' rate, one row per feature row, pooled as the family
                                does with its last layer: pairs joined (wav2vec2, hubert, wavlm), class token (clip),
                                mean of a tubelet's or picture's patches (videomae, fsfm). For probes on inner layers */
} fal_encode_request;

typedef struct fal_hidden {
    int layer;
    int64_t rows, dim;
    const float *data; /* [rows, dim] */
} fal_hidden;

/* Everything points into the session and stays valid until its next use. */
typedef struct fal_encoding {
    const float *features;   /* [rows, dim], NULL with skip_features */
    int64_t rows, dim;
    double rate_hz;
    const fal_hidden *hidden;
    size_t hidden_count;
} fal_encoding;

FAL_API fal_status fal_encode(const fal_encoder *encoder, fal_session *session, const fal_encode_request *request,
                              fal_encoding *out, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
