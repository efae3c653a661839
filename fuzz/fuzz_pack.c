/* Any bytes as packed features: refused, or a set whose names end and whose rows lie in the file. */
#include "as_file.h"
#include "invariant.h"

#include "feature/pack.h"

#include <string.h>

enum { MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[AS_FILE_PATH];
    fal_feature_set set = {0};
    fal_feature_parts parts;
    fal_error err = {0};
    int fd = size <= MAX_BYTES ? as_file(data, size, path) : -1;
    if (fd < 0)
        return 0;
    if (fal_pack_open(path, NULL, &set, &parts, &err) == FAL_OK) {
        FAL_INVARIANT(parts.count <= FAL_QUERY_PARTS && (!set.count || set.dim >= 1));
        for (size_t i = 0; i < set.count; i++) {
            const fal_clip_features *clip = &set.clips[i];
            const volatile uint8_t *rows = clip->half ? (const void *)clip->half : (const void *)clip->rows;
            const size_t bytes = (size_t)(clip->frames * set.dim) * (clip->half ? 2 : 4);
            FAL_INVARIANT(strlen(clip->path) < size && (clip->label == 0 || clip->label == 1) && bytes < size);
            if (bytes)
                (void)rows[0], (void)rows[bytes - 1];
        }
    } else {
        FAL_INVARIANT(err.text[0] != '\0');
    }
    fal_feature_set_free(&set);
    close(fd);
    return 0;
}
