/* BRAVEn and RAVEn (Haliassos et al. 2023, 2024, arXiv 2212.06246 and 2404.02098; original: ahaliassos/raven): one
 * network, pre-trained in two ways, that reads lips or listens.
 *
 *   mouths [T,88,88] or wave [640 T] ─ speech_encoder.h with transformer layers ─► [T,D], 25 Hz
 *
 * docs/models/braven.md has the rest. */
#include "encoder/mouth_frames.h"
#include "encoder/speech_encoder.h"
#include "encoder/wave.h"

/* Fine-tuned files are whole recognisers whose encoder lies below "encoder.", pre-trained ones the encoder alone; old
 * ESPnet names come second. */
static const fal_speech_names names = {
    .trunk = "frontend.", .project = "embed.0.|input_layer.0.", .layers = "encoders.%d.", .norm = "after_norm.|norm."};

typedef struct braven {
    fal_speech_config config;
    fal_speech_encoder *encoder;
} braven;

/* ---- recognising and configuring ---- */

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_find_prefix(ckpt, "encoders.0.gamma_mha", prefix);
}

static fal_status configure(const fal_config_source *source, void *config, fal_error *err)
{
    return fal_speech_configure(source, &names, config, err);
}

static void config_json(const void *config, fal_jw *w)
{
    fal_speech_config_json(config, "", w);
}

static void describe(const void *in, fal_encoder_description *out)
{
    const fal_speech_config *config = in;
    bool audio = config->trunk.audio;
    out->streams = audio ? 1 << FAL_STREAM_AUDIO : 1 << FAL_STREAM_VIDEO;
    out->default_stream = audio ? FAL_STREAM_AUDIO : FAL_STREAM_VIDEO;
    out->audio_input = audio ? FAL_INPUT_WAVE : FAL_INPUT_NONE;
    out->video_input = audio ? FAL_INPUT_NONE : FAL_INPUT_MOUTH;
    out->dim = out->width = config->width;
    out->layers = config->layers;
    out->heads = config->heads;
}

/* ---- the model ---- */

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    braven *m = model;
    return fal_speech_bind(&m->config, &names, bind, &m->encoder, err);
}

static void clear(void *model)
{
    fal_speech_free(&((braven *)model)->encoder);
}

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    return fal_speech_build(((braven *)model)->encoder, build, err);
}

static const fal_trunk_stages stages = {
    .stem = "stem", .layers = {"trunk_layer1", "trunk_layer2", "trunk_layer3", "trunk_layer4"}, .out = "frontend"};

/* The waveform goes in as it is: this family normalises nothing. */
static fal_status open_audio(const fal_forward *pass, fal_speech_input *out, fal_error *err)
{
    int64_t samples = 0;
    fal_status st = fal_wave_check(pass->audio, FAL_TRUNK_SAMPLES, &samples, err);
    if (st == FAL_OK)
        *out = fal_speech_wave(pass->audio->data, samples, &stages);
    return st;
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const braven *m = model;
    fal_mouth_frames mouth;
    fal_speech_input input;
    float *x; /* [T, D] */
    if (m->config.trunk.audio) {
        FAL_TRY(open_audio(pass, &input, err));
    } else {
        FAL_TRY(fal_mouth_open(pass->video, FAL_GREY_WEIGHTED, &mouth, err));
        input = (fal_speech_input){.read = fal_mouth_read, .source = &mouth, .frames = mouth.frames, .stages = &stages};
    }
    FAL_TRY(fal_speech_run(m->encoder, pass, &input, &x, err));
    if (pass->features)
        pass->out = x;
    pass->rows = input.frames;
done:
    return st;
}

/* ---- the row ---- */

static const char *const ignored[] = {"*.num_batches_tracked", NULL};

static void tiny(void *out)
{
    *(fal_speech_config *)out = (fal_speech_config){
        .width = 24, .ffn = 40, .layers = 3, .heads = 4, .trunk = {{3, 4, 5, 6, 7}, FAL_ACT_SWISH, false}};
}

/* clang-format off */
#define WIDTHS {64, 64, 128, 256, 512}
#define VIDEO .trunk = {WIDTHS, FAL_ACT_SWISH, false}
#define AUDIO .trunk = {WIDTHS, FAL_ACT_SWISH, true}
#define BASE .width = 512, .ffn = 2048, .layers = 12, .heads = 8
#define BASE_PLUS .width = 768, .ffn = 3072, .layers = 12, .heads = 12
#define LARGE .width = 1024, .ffn = 4096, .layers = 24, .heads = 16
static const fal_speech_config base_video = {BASE, VIDEO}, base_audio = {BASE, AUDIO},
                               base_plus_video = {BASE_PLUS, VIDEO}, base_plus_audio = {BASE_PLUS, AUDIO},
                               large_video = {LARGE, VIDEO}, large_audio = {LARGE, AUDIO};

/* The readme gives no file names for the pre-trained models: theirs are ours. */
#define PUBLIC(id) .family = "braven", .rate_hz = 25, .licence = "see source (code: MIT)", \
                   .source = "github.com/ahaliassos/raven", .page = "https://drive.google.com/file/d/" id "/view"
#define ROW(title, size_, stream, dim_, config, id, file) \
    {{.name = title, .size = size_, .streams = stream, .dim = dim_, PUBLIC(id), .files = {{.name = file}}}, &config, \
     false}
#define BASE_ROW(title, stream, id, file) ROW(title, "base", #stream, 512, base_##stream, id, file)
#define PLUS_ROW(title, stream, id, file) ROW(title, "base-plus", #stream, 768, base_plus_##stream, id, file)
#define LARGE_ROW(title, stream, id, file) ROW(title, "large", #stream, 1024, large_##stream, id, file)
static const fal_config_entry configs[] = {
    LARGE_ROW("braven-large-video-selftrain", video, "1bU-bFxEiXNXNoOLKaAz6_9j7XuE7f_6r",
        "vsr_prelrs3vox2avs_large_ftlrs3vox2avs_selftrain_braven.pth"),
    LARGE_ROW("braven-large-audio-selftrain", audio, "1v_OPL9ZcEGeT8cSgLO5QX16esVFAuzbq",
        "asr_prelrs3vox2avs_large_ftlrs3vox2avs_selftrain_braven.pth"),
    LARGE_ROW("braven-large-video", video, "1gjHOR-zvavxAMk1vTQmkodDT11jXyeJx",
        "vsr_prelrs3vox2avs_large_ftlrs3_braven.pth"),
    LARGE_ROW("braven-large-audio", audio, "1J1rUm1pzsOeAWj6yVrmHCNMg_MSQzjFF",
        "asr_prelrs3vox2avs_large_ftlrs3_braven.pth"),
    LARGE_ROW("braven-large-video-pretrained", video, "1QPLgmxXUplqgS5pCcg3s7vUw-d1EzlJr",
        "braven-large-video-pretrained.pth"),
    LARGE_ROW("braven-large-audio-pretrained", audio, "1LZOChHPP8e2RnPDMOshwJ2krpjTkDT66",
        "braven-large-audio-pretrained.pth"),
    PLUS_ROW("braven-base-plus-video", video, "1WH6dQ4jQRlhyWKNe5y1BXITDf-PanErm",
        "vsr_prelrs3vox2_baseplus_ftlrs3_braven.pth"),
    PLUS_ROW("braven-base-plus-audio", audio, "1vQCT9V49Qd66EuhbtfrYlbFnE7Vfj02o",
        "asr_prelrs3vox2_baseplus_ftlrs3_braven.pth"),
    PLUS_ROW("braven-base-plus-video-pretrained", video, "1dZKw4rZvzvjy92fLLQksk2RI0ubPHRB2",
        "braven-base-plus-video-pretrained.pth"),
    PLUS_ROW("braven-base-plus-audio-pretrained", audio, "1wxGFcKwXJI7ukGZZdxEsZ6WUlI9K7rTl",
        "braven-base-plus-audio-pretrained.pth"),
    BASE_ROW("braven-base-video", video, "1GuAoaG9z29oI3ipRGULz_qMU8yD9NfxH",
        "vsr_prelrs3_base_ftlrs3_braven.pth"),
    BASE_ROW("braven-base-audio", audio, "1RAwSs1FANektUbIY-AoAlRrzTGSTwGhl",
        "asr_prelrs3_base_ftlrs3_braven.pth"),
    BASE_ROW("braven-base-video-pretrained", video, "1H-kgb-mZW-3zv5D04F1wPriLnr4AXzml",
        "braven-base-video-pretrained.pth"),
    BASE_ROW("braven-base-audio-pretrained", audio, "1oBvymfK_eUypPofXE5pnkImv3MtJjlxR",
        "braven-base-audio-pretrained.pth"),
    LARGE_ROW("raven-large-video-pretrained", video, "1wKqUIyhkzqlfmdF1zHrEizQtX2NQfjHC",
        "raven-large-video-pretrained.pth"),
    LARGE_ROW("raven-large-audio-pretrained", audio, "1hBa1QTbDDjFcK8E92s-6gA4chEc2WnaE",
        "raven-large-audio-pretrained.pth"),
    BASE_ROW("raven-base-video-pretrained", video, "14Iz3l1I0NjNKT3kI4uptCk4rNkyDoU2N",
        "raven-base-video-pretrained.pth"),
    BASE_ROW("raven-base-audio-pretrained", audio, "19yoKn58g37x1o_oo-zko_dg27N8-bVIJ",
        "raven-base-audio-pretrained.pth"),
};
/* clang-format on */

const fal_family fal_family_braven = {
    .name = "braven",
    .streams = 1 << FAL_STREAM_AUDIO | 1 << FAL_STREAM_VIDEO,
    .default_stream = FAL_STREAM_VIDEO,
    .audio_input = FAL_INPUT_WAVE,
    .video_input = FAL_INPUT_MOUTH,
    .rate_hz = 25,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(fal_speech_config),
    .model_size = sizeof(braven),
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
};
