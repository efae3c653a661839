#include "encoder/encoder.h"

#include "core/alloc.h"
#include "core/str.h"
#include "core/thread.h"
#include "encoder/loaded.h"
#include "encoder/place.h"

#include <string.h>

const char *fal_stream_name(fal_stream stream)
{
    static const char *const names[] = {
        [FAL_STREAM_AUDIO] = "audio", [FAL_STREAM_VIDEO] = "video", [FAL_STREAM_AV] = "av"};
    size_t i = (size_t)stream;
    return i < FAL_COUNT(names) && names[i] ? names[i] : "none";
}

/* ---- opening ---- */

static void describe(const fal_loaded *l, const fal_encoder_options *options, fal_encoder *enc)
{
    bool bf16 = options->numbers == FAL_NUMBERS_BF16;
    fal_encoder_description *d = &enc->description;
    d->family = l->family->name;
    d->size = l->size;
    d->origin = enc->origin;
    d->path = enc->path;
    d->streams = l->family->streams;
    d->default_stream = l->family->default_stream;
    d->audio_input = l->family->audio_input;
    d->video_input = l->family->video_input;
    d->rate_hz = l->family->rate_hz;
    d->parameters = fal_loaded_parameters(l);
    d->random_weights = fal_bind_is_random(l->bind);
    d->numbers = options->numbers;
    d->arithmetic = !bf16 ? "float32" : fal_cpu_has_bf16() ? "bfloat16 (native)" : "bfloat16 weights, float32 products";
    d->feature = l->family->features ? l->family->features[0] : "features";
    l->family->describe(l->config, d);
    if (l->family->pooling)
        enc->pooling = l->family->pooling(l->config);
}

/* The loaded model, packed, becomes the encoder; what is left of `l` is the caller's to free. */
static fal_status pack(fal_loaded *l, const char *origin, const fal_encoder_options *options, fal_encoder **out,
                       fal_error *err)
{
    fal_status st = FAL_OK;
    fal_encoder *enc = NULL;
    fal_build build = {.threads = options->threads > 0 ? options->threads : fal_cpu_count(),
                       .ckpt = l->ckpt,
                       .precision = options->numbers == FAL_NUMBERS_BF16 ? FAL_PRECISION_BF16 : FAL_PRECISION_F32};
    FAL_ALLOC(enc, fal_calloc(1, sizeof *enc));
    FAL_ALLOC(enc->origin, fal_strdup(origin));
    if (l->ckpt)
        FAL_ALLOC(enc->path, fal_strdup(fal_checkpoint_path(l->ckpt)));
    FAL_TRY(l->family->build(l->model, &build, err));
    describe(l, options, enc);
    enc->family = l->family;
    enc->model = l->model;
    l->model = NULL;
    *out = enc;
    enc = NULL;
done:
    fal_encoder_free(&enc);
    return st;
}

static fal_status load(const char *source, const fal_encoder_options *options, fal_loaded *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_place place = {0};
    int threads = options->threads > 0 ? options->threads : fal_cpu_count();
    FAL_TRY(fal_place_find(source, options->stream, &place, err));
    fal_encoder_options how = fal_place_options(&place, options);
    if (place.path)
        FAL_TRY(fal_loaded_open(place.path, &how, out, err));
    else
        FAL_TRY(fal_loaded_draw(place.family, place.entry->config, place.entry->model.size, options->seed, threads, out,
                                err));
done:
    fal_place_free(&place);
    return st;
}

fal_status fal_encoder_open(const char *source, const fal_encoder_options *options, fal_encoder **out, fal_error *err)
{
    static const fal_encoder_options defaults = {0};
    fal_status st = FAL_OK;
    fal_loaded loaded = {0};
    if (!options)
        options = &defaults;
    FAL_TRY(load(source, options, &loaded, err));
    FAL_TRY(pack(&loaded, source, options, out, err));
done:
    fal_loaded_free(&loaded);
    return st;
}

void fal_encoder_free(fal_encoder **encoder)
{
    if (!encoder || !*encoder)
        return;
    fal_encoder *enc = *encoder;
    if (enc->family)
        fal_model_free(enc->family, &enc->model);
    fal_free(enc->origin);
    fal_free(enc->path);
    fal_release(encoder);
}

const fal_encoder_description *fal_encoder_describe(const fal_encoder *encoder)
{
    return &encoder->description;
}

/* ---- encoding ---- */

static fal_tensor view(const fal_array *array)
{
    return fal_tensor_make(array->type == FAL_ELEMENT_U8 ? FAL_U8 : FAL_F32, array->data, array->rank, array->shape);
}

static fal_status check_array(const char *name, const fal_array *array, fal_error *err)
{
    if (!array || !array->data)
        return fal_fail(err, FAL_ERR_ARGUMENT, "this stream needs %s, and there is none", name);
    if (array->rank < 1 || array->rank > FAL_MAX_RANK)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s has %d axes, want 1 to %d", name, array->rank, FAL_MAX_RANK);
    for (int axis = 0; axis < array->rank; axis++)
        if (array->shape[axis] < 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "%s is empty: axis %d has length %lld", name, axis,
                            (long long)array->shape[axis]);
    return FAL_OK;
}

static fal_status check_request(const fal_encoder *enc, const fal_encode_request *request, fal_stream stream,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_encoder_description *d = &enc->description;
    if (stream < FAL_STREAM_AUDIO || stream > FAL_STREAM_AV || !(d->streams & 1 << stream))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s has no stream %s", d->family, fal_stream_name(stream));
    if (stream != FAL_STREAM_VIDEO)
        FAL_TRY(check_array("audio", request->audio, err));
    if (stream != FAL_STREAM_AUDIO)
        FAL_TRY(check_array("video", request->video, err));
    for (size_t i = 0; i < request->layer_count; i++)
        if (request->layers[i] < 0 || request->layers[i] > d->layers)
            FAL_FAIL(FAL_ERR_ARGUMENT, "layer %d was asked for, %s has layers 0 to %lld", request->layers[i], d->family,
                     (long long)d->layers);
    if (request->skip_features && !request->all_layers && request->layer_count == 0)
        FAL_FAIL(FAL_ERR_ARGUMENT, "neither features nor a hidden state was asked for");
done:
    return st;
}

/* Which hidden states to keep and how far to compute. */
static fal_status plan(const fal_encoder *enc, const fal_encode_request *request, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t states = (size_t)enc->description.layers + 1;
    bool *want;
    FAL_ALLOC(want, fal_arena_alloc(fal_run_arena(pass->run), states, sizeof *want));
    FAL_ALLOC(pass->hidden, fal_arena_alloc(fal_run_arena(pass->run), states, sizeof *pass->hidden));
    memset(want, request->all_layers, states * sizeof *want);
    memset(pass->hidden, 0, states * sizeof *pass->hidden);
    for (size_t i = 0; i < request->layer_count; i++)
        want[request->layers[i]] = true;
    pass->want = want;
    pass->features = !request->skip_features;
    if (request->pool_hidden)
        pass->pooling = enc->pooling;
    for (size_t k = 0; k < states; k++)
        if (want[k] || pass->features)
            pass->last_layer = (int64_t)k;
done:
    return st;
}

/* Hidden states that were kept, without the gaps between them. */
static size_t pack_hidden(fal_hidden *hidden, size_t states)
{
    size_t count = 0;
    for (size_t k = 0; k < states; k++)
        if (hidden[k].data)
            hidden[count++] = hidden[k];
    return count;
}

fal_status fal_encode(const fal_encoder *encoder, fal_session *session, const fal_encode_request *request,
                      fal_encoding *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_encoder_description *d = &encoder->description;
    fal_stream stream = request->stream ? request->stream : d->default_stream;
    fal_tensor audio, video;
    FAL_TRY(check_request(encoder, request, stream, err));
    fal_run_begin(session->run);
    fal_forward pass = {.run = session->run, .stream = stream};
    if (stream != FAL_STREAM_VIDEO) {
        audio = view(request->audio);
        pass.audio = &audio;
    }
    if (stream != FAL_STREAM_AUDIO) {
        video = view(request->video);
        pass.video = &video;
    }
    FAL_TRY(plan(encoder, request, &pass, err));
    FAL_TRY(encoder->family->forward(encoder->model, &pass, err));
    *out = (fal_encoding){.features = pass.out,
                          .rows = pass.rows,
                          .dim = d->dim,
                          .rate_hz = d->rate_hz,
                          .hidden = pass.hidden,
                          .hidden_count = pack_hidden(pass.hidden, (size_t)d->layers + 1)};
done:
    return st;
}
