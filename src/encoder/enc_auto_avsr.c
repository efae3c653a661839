/* Auto-AVSR (Ma et al. 2023, arXiv 2303.14307; original: mpc001/auto_avsr): speech recognisers that read lips (VSR),
 * listen (ASR) or do both (AVSR).
 *
 *   mouths [T,88,88] ─ speech_encoder.h with conformer layers ─► [T,D], 25 Hz: VSR
 *   wave [640 T] ─ normalise ─ the same ─► [T,D'], 25 Hz: ASR
 *   AVSR: one of each, [video | audio] [T,D+D'] ─ Linear, BN, ReLU, Linear ─► [T,D], 25 Hz
 *
 * docs/models/auto_avsr.md has the rest. */
#include "core/alloc.h"
#include "encoder/mouth_frames.h"
#include "encoder/norm.h"
#include "encoder/speech_encoder.h"
#include "encoder/wave.h"

#include <string.h>

#define WAVE_EPS 1e-8
enum { FUSION_ROWS = 1024 }; /* rows fused at once: the hidden layer of an hour-long clip takes no more memory */

/* The v1.x layout, then the current one, then old ESPnet names. */
static const fal_speech_names main_names = {.trunk = "encoder.frontend.|frontend.",
                                            .project = "encoder.embed.0.|proj_encoder.|encoder.input_layer.0.",
                                            .layers = "encoder.encoders.%d.",
                                            .norm = "encoder.after_norm.|encoder.norm."};
/* The listening half of an audio-visual model, v1.x only. */
static const fal_speech_names aux_names = {.trunk = "aux_encoder.frontend.",
                                           .project = "aux_encoder.embed.0.|aux_encoder.input_layer.0.",
                                           .layers = "aux_encoder.encoders.%d.",
                                           .norm = "aux_encoder.after_norm.|aux_encoder.norm."};

typedef struct avsr_config {
    fal_speech_config main; /* the only encoder, or the lip-reading half */
    fal_speech_config aux;  /* the listening half; the rest of both is zero when there is none */
    int64_t fusion;         /* hidden channels of the fusion, F */
} avsr_config;

typedef struct fusion_weights {
    fal_tensor fc1_w, fc1_b, fc2_w, fc2_b; /* [F,D+D'], [F], [D,F], [D] */
    fal_norm_weights norm;                 /* [F], BatchNorm */
} fusion_weights;

typedef struct auto_avsr {
    avsr_config config;
    fal_speech_encoder *main, *aux; /* aux and the fusion: audio-visual models only */
    fusion_weights weights;         /* views, valid while building */
    fal_linear *fc1, *fc2;
    fal_norm norm;
} auto_avsr;

/* ---- recognising and configuring ---- */

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_find_prefix(ckpt, "encoder.encoders.0.conv_module.depthwise_conv.weight", prefix);
}

static fal_status configure(const fal_config_source *source, void *out, fal_error *err)
{
    fal_status st = FAL_OK;
    avsr_config *config = out;
    const fal_tensor *fc1 = fal_bind_peek(source->bind, "fusion.fc1.weight");
    FAL_TRY(fal_speech_configure(source, &main_names, &config->main, err));
    if (!fc1)
        goto done;
    FAL_TRY(fal_speech_configure(source, &aux_names, &config->aux, err));
    if (config->main.trunk.audio || !config->aux.trunk.audio)
        FAL_FAIL(FAL_ERR_UNSUPPORTED,
                 "Auto-AVSR with a fusion needs an encoder for video and an aux_encoder for audio");
    if (fc1->rank != 2 || fc1->shape[0] < 1)
        FAL_FAIL(FAL_ERR_FORMAT, "Auto-AVSR: fusion.fc1.weight is no matrix");
    config->fusion = fc1->shape[0];
done:
    return st;
}

static void config_json(const void *in, fal_jw *w)
{
    const avsr_config *config = in;
    fal_speech_config_json(&config->main, "", w);
    if (!config->fusion)
        return;
    fal_speech_config_json(&config->aux, "aux_", w);
    fal_jw_put_int(w, "fusion_hdim", config->fusion);
}

/* The halves of an audio-visual model can be used by themselves where a description fits both. */
static bool halves_agree(const avsr_config *config)
{
    return config->main.width == config->aux.width && config->main.layers == config->aux.layers;
}

static void describe(const void *in, fal_encoder_description *out)
{
    const avsr_config *config = in;
    bool audio = config->main.trunk.audio || config->fusion, video = !config->main.trunk.audio;
    out->default_stream = config->fusion ? FAL_STREAM_AV : audio ? FAL_STREAM_AUDIO : FAL_STREAM_VIDEO;
    out->streams = 1 << out->default_stream;
    if (config->fusion && halves_agree(config))
        out->streams |= 1 << FAL_STREAM_AUDIO | 1 << FAL_STREAM_VIDEO;
    out->audio_input = audio ? FAL_INPUT_WAVE : FAL_INPUT_NONE;
    out->video_input = video ? FAL_INPUT_MOUTH_AVSR : FAL_INPUT_NONE;
    out->dim = out->width = config->main.width;
    out->layers = config->main.layers;
    out->heads = config->main.heads;
}

/* ---- binding and building ---- */

static void bind_fusion(const avsr_config *config, fal_bind *bind, fusion_weights *w)
{
    static const fal_weight_row rows[] = {
        {FAL_FIELD(fusion_weights, fc1_w), "fc1.weight", "F G", FAL_INIT_FAN_IN(1)},
        {FAL_FIELD(fusion_weights, fc1_b), "fc1.bias", "F", FAL_INIT_FAN_IN_OF(1, "G")},
        {FAL_FIELD(fusion_weights, norm.gamma), "bn1.weight", "F", FAL_INIT_ONE},
        {FAL_FIELD(fusion_weights, norm.beta), "bn1.bias", "F", FAL_INIT_ZERO},
        {FAL_FIELD(fusion_weights, norm.mean), "bn1.running_mean", "F", FAL_INIT_ZERO},
        {FAL_FIELD(fusion_weights, norm.var), "bn1.running_var", "F", FAL_INIT_ONE},
        {FAL_FIELD(fusion_weights, fc2_w), "fc2.weight", "D F", FAL_INIT_FAN_IN(1)},
        {FAL_FIELD(fusion_weights, fc2_b), "fc2.bias", "D", FAL_INIT_FAN_IN_OF(1, "F")},
    };
    fal_bind_dim(bind, 'D', config->main.width);
    fal_bind_dim(bind, 'G', config->main.width + config->aux.width);
    fal_bind_dim(bind, 'F', config->fusion);
    fal_bind_rows(bind, "fusion.", rows, FAL_COUNT(rows), w);
}

static void clear(void *model)
{
    auto_avsr *m = model;
    fal_speech_free(&m->main);
    fal_speech_free(&m->aux);
    fal_linear_free(&m->fc1);
    fal_linear_free(&m->fc2);
    fal_norm_free(&m->norm);
}

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    auto_avsr *m = model;
    FAL_TRY(fal_speech_bind(&m->config.main, &main_names, bind, &m->main, err));
    if (m->config.fusion) {
        FAL_TRY(fal_speech_bind(&m->config.aux, &aux_names, bind, &m->aux, err));
        bind_fusion(&m->config, bind, &m->weights);
    }
done:
    return st;
}

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    auto_avsr *m = model;
    const fusion_weights *w = &m->weights;
    FAL_TRY(fal_speech_build(m->main, build, err));
    if (!m->config.fusion)
        goto done;
    FAL_TRY(fal_speech_build(m->aux, build, err));
    FAL_TRY(fal_linear_create(&w->fc1_w, &w->fc1_b, build->precision, &m->fc1, err));
    FAL_TRY(fal_norm_create(&w->norm, 0, &m->norm, err));
    FAL_TRY(fal_linear_create(&w->fc2_w, &w->fc2_b, build->precision, &m->fc2, err));
    fal_build_release(build, w, sizeof *w);
done:
    return st;
}

/* ---- input ---- */

static const fal_trunk_stages video_stages = {
    .stem = "video_stem",
    .layers = {"video_trunk_layer1", "video_trunk_layer2", "video_trunk_layer3", "video_trunk_layer4"},
    .out = "video_frontend"};
static const fal_trunk_stages audio_stages = {
    .stem = "audio_stem",
    .layers = {"audio_trunk_layer1", "audio_trunk_layer2", "audio_trunk_layer3", "audio_trunk_layer4"},
    .out = "audio_frontend"};

static fal_status open_video(const fal_forward *pass, fal_mouth_frames *mouth, fal_speech_input *out, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_mouth_open(pass->video, FAL_GREY_WEIGHTED, mouth, err));
    *out =
        (fal_speech_input){.read = fal_mouth_read, .source = mouth, .frames = mouth->frames, .stages = &video_stages};
done:
    return st;
}

/* The waveform normalised over the whole clip, with the rest that makes no frame. `frames` above 0: before that cut, or
 * filled with zeros at its end, to as many. */
static fal_status open_audio(const fal_forward *pass, int64_t frames, fal_speech_input *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t samples = 0;
    float *wave;
    FAL_TRY(fal_wave_check(pass->audio, frames > 0 ? 1 : FAL_TRUNK_SAMPLES, &samples, err));
    int64_t wanted = frames > 0 ? frames * FAL_TRUNK_SAMPLES : samples, given = samples < wanted ? samples : wanted;
    FAL_FLOATS(wave, pass->run, wanted);
    memcpy(wave, pass->audio->data, (size_t)given * sizeof *wave);
    memset(wave + given, 0, (size_t)(wanted - given) * sizeof *wave);
    fal_wave_normalise(wave, wanted, WAVE_EPS, wave);
    fal_run_stage(pass->run, "audio_input", wave, 1, &wanted);
    *out = fal_speech_wave(wave, wanted, &audio_stages);
done:
    return st;
}

/* ---- forward ---- */

static fal_status run_one(const auto_avsr *m, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mouth_frames mouth;
    fal_speech_input input;
    float *x; /* [T, D] */
    bool audio = pass->stream == FAL_STREAM_AUDIO;
    if (audio)
        FAL_TRY(open_audio(pass, 0, &input, err));
    else
        FAL_TRY(open_video(pass, &mouth, &input, err));
    FAL_TRY(fal_speech_run(audio && m->aux ? m->aux : m->main, pass, &input, &x, err));
    if (pass->features)
        pass->out = x;
    pass->rows = input.frames;
done:
    return st;
}

/* The listening half of an audio-visual pass: all layers, no hidden states. */
static fal_status run_aux(const auto_avsr *m, const fal_forward *pass, const fal_speech_input *input, float **x,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    size_t states = (size_t)m->config.aux.layers + 1;
    bool *want;
    FAL_ALLOC(want, fal_arena_alloc(fal_run_arena(pass->run), states, sizeof *want));
    memset(want, 0, states * sizeof *want);
    fal_forward half = {.run = pass->run, .want = want, .last_layer = m->config.aux.layers, .features = true};
    FAL_TRY(fal_speech_run(m->aux, &half, input, x, err));
done:
    return st;
}

/* Rows of both halves, [rows, D] and [rows, D'], to y [rows, D]. */
static fal_status fuse_rows(const auto_avsr *m, fal_forward *pass, const float *video, const float *audio, int64_t rows,
                            float *y, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t width = (size_t)m->config.main.width, aux = (size_t)m->config.aux.width;
    int64_t hidden = m->config.fusion;
    float *both, *inner; /* [rows, D+D'], [rows, F] */
    FAL_FLOATS(both, pass->run, rows * (int64_t)(width + aux));
    FAL_FLOATS(inner, pass->run, rows * hidden);
    for (size_t r = 0; r < (size_t)rows; r++) {
        memcpy(both + r * (width + aux), video + r * width, width * sizeof *both);
        memcpy(both + r * (width + aux) + width, audio + r * aux, aux * sizeof *both);
    }
    FAL_TRY(fal_apply_linear(m->fc1, pass->run, both, rows, FAL_ACT_NONE, inner, err));
    fal_forward_stage(pass, "fusion_fc1", inner, rows, hidden, 0);
    fal_norm_run(&m->norm, pass->run, inner, rows, inner);
    fal_forward_stage(pass, "fusion_bn1", inner, rows, hidden, 0);
    fal_act_apply(pass->run, FAL_ACT_RELU, inner, rows * hidden, inner);
    FAL_TRY(fal_apply_linear(m->fc2, pass->run, inner, rows, FAL_ACT_NONE, y, err));
done:
    return st;
}

static fal_status fuse(const auto_avsr *m, fal_forward *pass, const float *video, const float *audio, int64_t rows,
                       float **out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = m->config.main.width, aux = m->config.aux.width;
    bool whole = fal_run_has_stage_hook(pass->run); /* a stage is shown in one piece */
    float *y;
    FAL_FLOATS(y, pass->run, rows * width);
    fal_arena_mark mark = fal_arena_save(fal_run_arena(pass->run));
    for (int64_t first = 0, count; first < rows; first += count) {
        count = whole ? rows : fal_block_size(rows - first, FUSION_ROWS);
        FAL_TRY(fuse_rows(m, pass, video + first * width, audio + first * aux, count, y + first * width, err));
        fal_arena_release(fal_run_arena(pass->run), mark);
    }
    *out = y;
done:
    return st;
}

/* Hidden states are the lip-reading half's. */
static fal_status run_both(const auto_avsr *m, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mouth_frames mouth;
    fal_speech_input seen, heard;
    float *video, *audio, *fused; /* [T, D], [T, D'], [T, D] */
    FAL_TRY(open_video(pass, &mouth, &seen, err));
    FAL_TRY(open_audio(pass, seen.frames, &heard, err));
    FAL_TRY(fal_speech_run(m->main, pass, &seen, &video, err));
    pass->rows = seen.frames;
    if (!pass->features)
        goto done;
    fal_forward_stage(pass, "video_encoder_out", video, seen.frames, m->config.main.width, 0);
    FAL_TRY(run_aux(m, pass, &heard, &audio, err));
    fal_forward_stage(pass, "audio_encoder_out", audio, seen.frames, m->config.aux.width, 0);
    FAL_TRY(fuse(m, pass, video, audio, seen.frames, &fused, err));
    pass->out = fused;
done:
    return st;
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    return pass->stream == FAL_STREAM_AV ? run_both(model, pass, err) : run_one(model, pass, err);
}

/* ---- the row ---- */

static const char *const ignored[] = {"ctc.*", "decoder.*", "*.num_batches_tracked", NULL};

/* Both halves alike where that opens the single streams. */
static void tiny(void *out)
{
    *(avsr_config *)out = (avsr_config){.main = {.width = 24,
                                                 .ffn = 40,
                                                 .layers = 3,
                                                 .heads = 4,
                                                 .taps = 5,
                                                 .trunk = {{3, 4, 5, 6, 7}, FAL_ACT_SWISH, false}},
                                        .aux = {.width = 24,
                                                .ffn = 36,
                                                .layers = 3,
                                                .heads = 3,
                                                .taps = 7,
                                                .trunk = {{4, 3, 6, 5, 8}, FAL_ACT_SWISH, true}},
                                        .fusion = 28};
}

/* clang-format off */
#define ENCODER(audio) {.width = 768, .ffn = 3072, .layers = 12, .heads = 12, .taps = 31, \
                        .trunk = {{64, 64, 128, 256, 512}, FAL_ACT_SWISH, audio}}
static const avsr_config video_config = {.main = ENCODER(false)}, audio_config = {.main = ENCODER(true)},
                         both_config = {.main = ENCODER(false), .aux = ENCODER(true), .fusion = 8192};

#define PUBLIC .family = "auto-avsr", .size = "base", .dim = 768, .rate_hz = 25, \
               .licence = "see source (code: Apache-2.0)", .source = "github.com/mpc001/auto_avsr"
#define DRIVE(id) "https://drive.google.com/file/d/" id "/view"
/* Also offered by the authors' own server, of which the tutorials know. */
#define IMPERIAL(file) "http://www.doc.ic.ac.uk/~pm4115/autoAVSR/" file
#define ROW(title, stream, config_, id, md5_, file, ...) \
    {{.name = title, .streams = stream, PUBLIC, .page = DRIVE(id), \
      .files = {{.name = file, .md5 = md5_, .urls = {__VA_ARGS__}}}}, &config_, false}
#define VSR(title, id, md5, ...) ROW(title, "video", video_config, id, md5, __VA_ARGS__)
#define ASR(title, id, md5, ...) ROW(title, "audio", audio_config, id, md5, __VA_ARGS__)
/* Titles tell the training data. The same file name has other content in the v1.x layout. */
static const fal_config_entry configs[] = {
    VSR("auto-avsr-vsr-lrs2lrs3vox2avsp", "1r1kx7l9sWnDOCnaFHIGvOtzuhFyFA88_", "49f77",
        "vsr_trlrs2lrs3vox2avsp_base.pth", NULL),
    VSR("auto-avsr-vsr-lrs3vox2", "1shcWXUK2iauRhW9NbwCc25FjU1CoMm8i", "774a6", "vsr_trlrs3vox2_base.pth", NULL),
    VSR("auto-avsr-vsr-lrs3", "12PNM5szUsk_CuaV1yB9dL_YWvSM1zvAd", "c00a7", "vsr_trlrs3_base.pth",
        IMPERIAL("vsr_trlrs3_base.pth")),
    VSR("auto-avsr-vsr-lrs3-23h", "1FDDTOBteJV8yBiJ8yePtZ-C-xR4s80rV", "fc8db", "vsr_trlrs3_23h_base.pth", NULL),
    ASR("auto-avsr-asr-lrs3vox2", "1YN9lwZN6iWn2qNQRpfpGpnf2r6ZTQqVT", "f0c5c", "asr_trlrs3vox2_base.pth", NULL),
    ASR("auto-avsr-asr-lrs3", "1IBMkI7XyZo8mF3rz109rXrMH7MyxRuiY", "8af72", "asr_trlrs3_base.pth",
        IMPERIAL("asr_trlrs3_base.pth")),
    ROW("auto-avsr-v1-avsr-lrwlrs2lrs3vox2avsp", "audio, video, av", both_config, "1mU6MHzXMiq1m6GI-8gqT2zc2bdStuBXu",
        "6b3c5", "avsr_trlrwlrs2lrs3vox2avsp_base.pth", NULL),
    VSR("auto-avsr-v1-vsr-lrwlrs2lrs3vox2avsp", "19GA5SqDjAkI5S88Jt5neJRG-q5RUi5wi", "a896f",
        "vsr_trlrwlrs2lrs3vox2avsp_base.pth", NULL),
    VSR("auto-avsr-v1-vsr-lrs3vox2", "1mLAuCnK2y7zbmiHlAXMqPSF_ApGqfbAD", "0a126", "vsr_trlrs3vox2_base.pth", NULL),
    VSR("auto-avsr-v1-vsr-lrs3", "1aawSjxIL2ewo0W0fg4TBQgR8WMAmPeSL", "ea3ec", "vsr_trlrs3_base.pth", NULL),
    VSR("auto-avsr-v1-vsr-lrs3-23h", "1OBEHbStKKFG7VDij14RDLN9VYSdE_Bhs", "50c88", "vsr_trlrs3_23h_base.pth", NULL),
    ASR("auto-avsr-v1-asr-lrwlrs2lrs3vox2avsp", "12vigJjL_ipgRz5CMYYQPdn8edEXD-Cuq", "dc759",
        "asr_trlrwlrs2lrs3vox2avsp_base.pth", NULL),
    ASR("auto-avsr-v1-asr-lrs3vox2", "13o_KvPeLHkjFPVm28Gvn8EQNBkS5ZBV6", "7beab", "asr_trlrs3vox2_base.pth", NULL),
    ASR("auto-avsr-v1-asr-lrs3", "1FuYLkBt6DFzxIR7AbCs6jzhbLfaJMk6a", "4fa87", "asr_trlrs3_base.pth", NULL),
    ASR("auto-avsr-v1-asr-lrs3-23h", "1ERXLjBGFQDAXXKkHLBrVi6xI7l1QiKyL", "87d45", "asr_trlrs3_23h_base.pth", NULL),
};
/* clang-format on */

const fal_family fal_family_auto_avsr = {
    .name = "auto-avsr",
    .streams = 1 << FAL_STREAM_AUDIO | 1 << FAL_STREAM_VIDEO | 1 << FAL_STREAM_AV,
    .default_stream = FAL_STREAM_AV,
    .audio_input = FAL_INPUT_WAVE,
    .video_input = FAL_INPUT_MOUTH_AVSR,
    .rate_hz = 25,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(avsr_config),
    .model_size = sizeof(auto_avsr),
    .recognise = recognise,
    .configure = configure,
    .tiny = tiny,
    .bind = bind_model,
    .build = build,
    .forward = forward,
    .describe = describe,
    .config_json = config_json,
    .clear = clear,
    .ignored = ignored,
    .draw = fal_speech_draw,
};
