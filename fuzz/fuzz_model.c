/* Any bytes as the file of an encoder or a head: recognising, configuring, binding and packing must refuse it or end in
 * a model whose sizes make sense. */
#include "as_file.h"
#include "invariant.h"

#include <falsetto/encoder.h>
#include <falsetto/head.h>
#include <falsetto/models.h>

#include <math.h>

enum { MAX_BYTES = 1 << 20 };

/* heads: for files that do not say; 0: as they say. The status, so that running out of memory, which the replay makes
 * happen anywhere, can be told from a file that is not in order. */
static fal_status open_as_encoder(const char *path, int heads)
{
    fal_encoder *encoder = NULL;
    fal_error err = {0};
    fal_encoder_options options = {.threads = 1, .heads = heads};
    fal_status st = fal_encoder_open(path, &options, &encoder, &err);
    if (st != FAL_OK) {
        FAL_INVARIANT(encoder == NULL && err.text[0] != '\0');
        return st;
    }
    const fal_encoder_description *d = fal_encoder_describe(encoder);
    FAL_INVARIANT(d->dim >= 1 && d->width >= 1 && d->layers >= 1);
    FAL_INVARIANT(d->heads >= 1 && d->width % d->heads == 0);
    FAL_INVARIANT(d->parameters > 0 && !d->random_weights && d->streams && d->rate_hz > 0);
    FAL_INVARIANT(d->picture.side >= 0 && d->chunk_frames >= 0);
    fal_encoder_free(&encoder);
    return FAL_OK;
}

/* Nothing is called in order that does not open; what opens can be described. */
static void look_at(const char *path, fal_status opened)
{
    fal_error err = {0};
    char *text = NULL;
    bool ok = false, refused = opened != FAL_OK && opened != FAL_ERR_MEMORY;
    if (fal_model_verify_text(path, &(fal_encoder_options){.threads = 1}, &ok, &text, &err) == FAL_OK)
        FAL_INVARIANT(text[0] != '\0' && !(refused && ok));
    fal_text_free(&text);
    fal_status st = fal_model_info_json(path, &text, &err);
    FAL_INVARIANT(st == FAL_OK || st == FAL_ERR_MEMORY || (opened != FAL_OK && err.text[0] != '\0'));
    fal_text_free(&text);
    st = fal_model_info_text(path, &text, &err);
    FAL_INVARIANT(st == FAL_OK || st == FAL_ERR_MEMORY || (opened != FAL_OK && err.text[0] != '\0'));
    fal_text_free(&text);
}

static void open_as_head(const char *path)
{
    fal_head *head = NULL;
    fal_error err = {0};
    if (fal_head_open(path, NULL, &head, &err) != FAL_OK) {
        FAL_INVARIANT(head == NULL && err.text[0] != '\0');
        return;
    }
    const fal_head_description *d = fal_head_describe(head);
    FAL_INVARIANT(d->dim >= 1);
    FAL_INVARIANT(isfinite(d->calibration.slope) && isfinite(d->calibration.length_slope));
    FAL_INVARIANT(isfinite(d->calibration.offset) && isfinite(d->calibration.low) && isfinite(d->calibration.high));
    fal_head_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[AS_FILE_PATH];
    int fd = size <= MAX_BYTES ? as_file(data, size, path) : -1;
    if (fd < 0)
        return 0;
    fal_status opened = open_as_encoder(path, 0);
    look_at(path, opened);
    if (opened != FAL_OK)
        open_as_encoder(path, 4);
    open_as_head(path);
    close(fd);
    return 0;
}
