#include "feature/crop_saving.h"

#include "core/alloc.h"
#include "core/str.h"
#include "media/clip.h"

/* Files come into being whole (atomic writing); one that cannot be opened is somebody else's remains. */
static void look_at(const char *path, bool *has_pictures, bool *has_sound)
{
    fal_media_info info = {0};
    bool there = fal_path_exists(path) && fal_media_probe(path, &info, NULL) == FAL_OK;
    *has_pictures = there && info.video.present;
    *has_sound = there && info.audio.present;
}

fal_status fal_crop_saving_open(const char *clip, const char *place, bool exact, fal_crop_saving *out, fal_error *err)
{
    fal_status st = FAL_OK;
    bool pictures_there, sound_there, other;
    fal_media_info info;
    fal_crop_saving saving = {.exact = exact};
    FAL_ALLOC(saving.clip, fal_strdup(clip));
    FAL_TRY(fal_crop_files_name(place, &saving.files, err));
    look_at(saving.files.pictures, &pictures_there, &other);
    look_at(saving.files.sound, &other, &sound_there);
    if (!pictures_there || !sound_there) {
        FAL_TRY(fal_media_probe(clip, &info, err));
        saving.lacks_pictures = info.video.present && !pictures_there;
        saving.lacks_sound = info.audio.present && !sound_there;
    }
    *out = saving;
    saving = (fal_crop_saving){0};
done:
    fal_crop_saving_free(&saving);
    return st;
}

bool fal_crop_saving_lacks(const fal_crop_saving *saving)
{
    return saving->lacks_pictures || saving->lacks_sound;
}

void fal_crop_saving_free(fal_crop_saving *saving)
{
    fal_movie_abort(&saving->movie);
    fal_crop_files_free(&saving->files);
    fal_release(&saving->clip);
}

static fal_status take_crop(void *user, const fal_picture *crop, fal_error *err)
{
    fal_crop_saving *saving = user;
    (void)err;
    if (saving->status == FAL_OK && !saving->movie)
        saving->status =
            fal_movie_create(saving->files.pictures, crop->width, crop->height, &saving->movie, &saving->why);
    if (saving->status == FAL_OK)
        saving->status = fal_movie_add(saving->movie, crop->pixels, crop->stride, &saving->why);
    saving->pictures += saving->status == FAL_OK;
    return FAL_OK;
}

fal_picture_sink fal_crop_saving_sink(fal_crop_saving *saving)
{
    return (fal_picture_sink){.kind = FAL_INPUT_MOUTH_AVSR, .take = take_crop, .user = saving};
}

/* A track without one decodable sample gives no file. */
static fal_status save_sound(const fal_crop_saving *saving, fal_error *err)
{
    fal_clip *clip = NULL;
    fal_status st = fal_clip_open(saving->clip, &(fal_clip_options){.exact = saving->exact}, &clip, err);
    if (st == FAL_OK)
        st = fal_clip_save_audio(clip, saving->files.sound, err);
    fal_clip_free(&clip);
    return st == FAL_ERR_TOO_SHORT || st == FAL_ERR_NOT_FOUND ? FAL_OK : st;
}

fal_status fal_crop_saving_finish(fal_crop_saving *saving, const fal_clip_inputs *in, fal_error *err)
{
    fal_status st = FAL_OK;
    const bool refused = saving->lacks_pictures && !saving->movie && in->avsr_refusal.code;
    if (saving->status != FAL_OK)
        FAL_FAIL(saving->status, "%s", saving->why.text);
    if (saving->movie)
        FAL_TRY(fal_movie_commit(&saving->movie, err));
    if (saving->lacks_sound)
        FAL_TRY(save_sound(saving, err));
    if (refused)
        FAL_FAIL(in->avsr_refusal.code, "%s", in->avsr_refusal.text);
    if (!fal_path_exists(saving->files.pictures) && !fal_path_exists(saving->files.sound))
        FAL_FAIL(FAL_ERR_NOT_FOUND, "%s: neither pictures nor sound to save", saving->clip);
done:
    return st;
}
