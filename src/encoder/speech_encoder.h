/* The encoder of a speech recogniser that listens or reads lips. BRAVEn and RAVEn are one, Auto-AVSR is one or two.
 *
 *   mouths [T,88,88] or wave [640 T] ─ trunk (resnet.h) ─► [T,C] ─ sqrt(D) Linear ─► [T,D]
 *     ─ L layers ─ LN ─► [T,D], 25 Hz
 *
 *   transformer layer (BRAVEn):  x += g_a attn(LN(x));   x += g_f fc2(relu(fc1(BN(x))))      g: layer scale [D]
 *   conformer layer (Auto-AVSR): as in transformer.h, with ReLU in the feed-forwards
 *
 * Attention knows relative positions (self_attention.h); LayerNorm eps is 1e-12, as in ESPnet. */
#ifndef FAL_ENCODER_SPEECH_ENCODER_H
#define FAL_ENCODER_SPEECH_ENCODER_H

#include "encoder/family.h"
#include "encoder/resnet.h"

typedef struct fal_speech_config {
    int64_t width, ffn, layers, heads; /* D, U, L, h */
    int64_t taps;                      /* of the conformer's convolution; 0: transformer layers */
    fal_trunk_config trunk;
} fal_speech_config;

/* What stands before the tensor names, with '|' spellings; `layers` has one spelling, and %d for the number. */
typedef struct fal_speech_names {
    const char *trunk, *project, *layers, *norm;
} fal_speech_names;

/* Everything from shapes. Heads that are asked for must be the file's. */
fal_status fal_speech_configure(const fal_config_source *source, const fal_speech_names *names, fal_speech_config *out,
                                fal_error *err);
/* Members in upstream's names, each after `prefix`: "adim", "aux_adim". */
void fal_speech_config_json(const fal_speech_config *config, const char *prefix, fal_jw *w);

/* Drawn as upstream constructs it: PyTorch's defaults throughout, positional biases Xavier, layer scale 0.1; a macaron
 * half begins as a copy of its layer's other half, for which the family's `draw` must be fal_speech_draw. */
typedef struct fal_speech_encoder fal_speech_encoder;
fal_status fal_speech_bind(const fal_speech_config *config, const fal_speech_names *names, fal_bind *bind,
                           fal_speech_encoder **out, fal_error *err);
fal_init_fn fal_speech_draw;
fal_status fal_speech_build(fal_speech_encoder *encoder, const fal_build *build, fal_error *err);
void fal_speech_free(fal_speech_encoder **encoder);

/* The input, frame by frame; `out` of the trunk's arguments is made here. */
typedef struct fal_speech_input {
    fal_frame_reader *read;
    const void *source;
    int64_t frames;
    const fal_trunk_stages *stages;
} fal_speech_input;

/* A waveform as that input: one frame is FAL_TRUNK_SAMPLES, a shorter rest is left out. */
fal_speech_input fal_speech_wave(const float *samples, int64_t count, const fal_trunk_stages *stages);

/* *x [frames, D] after pass->last_layer layers, with the last norm if the pass wants features. Keeps the hidden states
 * that are wanted, the last one before that norm. */
fal_status fal_speech_run(const fal_speech_encoder *encoder, fal_forward *pass, const fal_speech_input *input,
                          float **x, fal_error *err);

#endif
