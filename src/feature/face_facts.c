#include "feature/face_facts.h"

#include "core/alloc.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_face_width(const fal_face_timeline *line)
{
    double *widths = fal_malloc_array((size_t)line->frame_count, sizeof *widths), median = 0;
    size_t n = 0;
    if (!widths)
        return 0;
    for (int64_t t = 0; t < line->frame_count; t++)
        if (fal_face_seen(line->states[t]))
            widths[n++] = (double)fal_rect_width(line->boxes[t]);
    qsort(widths, n, sizeof *widths, ascending);
    if (n)
        median = widths[n / 2];
    fal_free(widths);
    return median;
}

fal_face_facts fal_face_measure(const fal_face_tracks *tracks, const fal_face_timeline *line, int wanted)
{
    int64_t several = 0;
    for (int64_t t = 0; t < tracks->frame_count; t++)
        several += tracks->faces[t] > 1;
    return (fal_face_facts){
        .looked = true,
        .frames = line->frame_count,
        .seen = line->seen,
        .interpolated = line->interpolated,
        .missing = line->missing,
        .faces = tracks->track_count,
        .several_fraction = (double)several / (double)tracks->frame_count,
        .chosen = !line->has_face ? 0
                  : wanted > 0    ? wanted
                                  : 1,
        .median_width = median_face_width(line),
        .whole_frames = !line->has_face,
    };
}
