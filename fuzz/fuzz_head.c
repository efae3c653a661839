/* Any bytes as the file of a head: it is refused, or it scores: finite rows give P(fake) between 0 and 1, and a copy of
 * the file opens as the same head. */
#include "as_file.h"
#include "invariant.h"

#include "head/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20, FRAMES = 3, MOST_DIM = 1 << 14 };

static void score(const fal_head *head, const fal_head_description *d)
{
    float *rows = malloc((size_t)(FRAMES * d->dim) * sizeof *rows), logits[FRAMES];
    double logit;
    for (int64_t i = 0; rows && i < FRAMES * d->dim; i++)
        rows[i] = (float)((i * 37) % 19 - 9);
    if (rows && fal_head_score(head, rows, FRAMES, d->dim, logits, &logit, NULL) == FAL_OK && isfinite(logit)) {
        double p = fal_head_probability(&d->calibration, logit, FRAMES);
        FAL_INVARIANT((p >= 0 && p <= 1) || !isfinite(d->calibration.slope * logit));
    }
    free(rows);
}

static void copy(const fal_head *head, const fal_head_description *d)
{
    char path[64];
    fal_head *again = NULL;
    fal_error err = {0};
    snprintf(path, sizeof path, P_tmpdir "/falsetto-fuzz-head-%ld", (long)getpid());
    if (fal_head_write(head, NULL, 0, path, &err) == FAL_OK) {
        fal_status opened = fal_head_open(path, NULL, &again, &err);
        FAL_INVARIANT(opened == FAL_OK || opened == FAL_ERR_MEMORY);
        if (again) {
            const fal_head_description *o = fal_head_describe(again);
            FAL_INVARIANT(o->dim == d->dim && !strcmp(o->kind, d->kind) && o->part_count == d->part_count);
            FAL_INVARIANT(o->calibration.knot_count == d->calibration.knot_count);
        }
        unlink(path);
    }
    fal_head_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[AS_FILE_PATH];
    fal_head *head = NULL;
    fal_error err = {0};
    int fd = size <= MAX_BYTES ? as_file(data, size, path) : -1;
    if (fd < 0)
        return 0;
    if (fal_head_open(path, NULL, &head, &err) == FAL_OK) {
        const fal_head_description *d = fal_head_describe(head);
        FAL_INVARIANT(d->dim >= 1 && d->part_count >= 1 && d->part_count <= FAL_HEAD_PARTS);
        if (d->dim <= MOST_DIM)
            score(head, d);
        copy(head, d);
    } else {
        FAL_INVARIANT(head == NULL && err.text[0] != '\0');
    }
    fal_head_free(&head);
    close(fd);
    return 0;
}
