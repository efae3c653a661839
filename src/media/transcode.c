#include "media/transcode.h"

#include "core/alloc.h"
#include "media/out_track.h"

enum { PICTURE, SOUND, TRACKS };

typedef struct transcoding {
    const char *from, *to;
    AVFormatContext *mux;
    fal_out_track *tracks[TRACKS]; /* NULL: the clip has none */
} transcoding;

static fal_status open_tracks(transcoding *x, const fal_recipe *recipe, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_media_info info;
    FAL_TRY(fal_media_probe(x->from, &info, err));
    if (info.video.present)
        FAL_TRY(fal_out_track_open(x->from, AVMEDIA_TYPE_VIDEO, &recipe->picture, x->mux, &x->tracks[PICTURE], err));
    if (info.audio.present)
        FAL_TRY(fal_out_track_open(x->from, AVMEDIA_TYPE_AUDIO, &recipe->sound, x->mux, &x->tracks[SOUND], err));
done:
    return st;
}

static const char *container_for(const fal_recipe *recipe)
{
    const AVCodec *sound = recipe->sound.encoder ? avcodec_find_encoder_by_name(recipe->sound.encoder) : NULL;
    return sound && sound->capabilities & AV_CODEC_CAP_DELAY ? "mp4" : "matroska";
}

static fal_status open_output(transcoding *x, const fal_recipe *recipe, fal_error *err)
{
    fal_status st = FAL_OK;
    char *url = NULL;
    int code = avformat_alloc_output_context2(&x->mux, NULL, container_for(recipe), NULL);
    if (code < 0)
        return fal_fail_av(err, code, x->to, "cannot write");
    x->mux->flags |= AVFMT_FLAG_BITEXACT;
    FAL_TRY(open_tracks(x, recipe, err));
    FAL_ALLOC(url, fal_asprintf("file:%s", x->to));
    code = avio_open(&x->mux->pb, url, AVIO_FLAG_WRITE);
    if (code >= 0)
        code = avformat_write_header(x->mux, NULL);
    if (code < 0)
        st = fal_fail_av(err, code, x->to, "cannot write");
done:
    fal_free(url);
    return st;
}

/* The track that is behind, so that the muxer need not hold packets back. NULL: all are done. */
static fal_out_track *hindmost(const transcoding *x)
{
    fal_out_track *found = NULL;
    for (int i = 0; i < TRACKS; i++) {
        fal_out_track *t = x->tracks[i];
        if (t && !t->done && (!found || t->time_s < found->time_s))
            found = t;
    }
    return found;
}

fal_status fal_transcode(const char *from, const char *to, const fal_recipe *recipe,
                         const volatile sig_atomic_t *cancel, fal_error *err)
{
    fal_status st = FAL_OK;
    transcoding x = {.from = from, .to = to};
    FAL_TRY(open_output(&x, recipe, err));
    for (fal_out_track *t; (t = hindmost(&x));) {
        if (cancel && *cancel)
            FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped", from);
        FAL_TRY(fal_out_track_step(t, x.mux, err));
    }
    int code = av_write_trailer(x.mux);
    if (code >= 0)
        code = avio_closep(&x.mux->pb); /* a full disk shows here at the latest */
    if (code < 0)
        st = fal_fail_av(err, code, to, "cannot finish");
done:
    for (int i = 0; i < TRACKS; i++)
        fal_out_track_free(&x.tracks[i]);
    if (x.mux && x.mux->pb)
        avio_closep(&x.mux->pb);
    avformat_free_context(x.mux);
    return st;
}
