#include "feature/crop_tree.h"

#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "feature/folder_claim.h"
#include "feature/store.h"

#include <string.h>

#define PICTURES_END "_roi.mp4"
#define RECORD "crops.json"

static const char *const alignments[] = {"avhubert", "auto-avsr"};

fal_status fal_crop_files_name(const char *path, fal_crop_files *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_crop_files files = {0};
    size_t length = strlen(path), cut = fal_str_ends(path, PICTURES_END) ? strlen(PICTURES_END) : FAL_FEATURE_CUT;
    if (length < cut)
        FAL_FAIL(FAL_ERR_ARGUMENT, "'%s' is no clip path: too short", path);
    FAL_ALLOC(files.pictures, fal_asprintf("%.*s" PICTURES_END, (int)(length - cut), path));
    FAL_ALLOC(files.sound, fal_asprintf("%.*s.wav", (int)(length - cut), path));
    *out = files;
    files = (fal_crop_files){0};
done:
    fal_crop_files_free(&files);
    return st;
}

void fal_crop_files_free(fal_crop_files *files)
{
    fal_free(files->pictures);
    fal_free(files->sound);
    *files = (fal_crop_files){0};
}

fal_status fal_crop_tree_claim(const char *root, fal_mouth_alignment alignment, bool exact, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-crops-1");
    fal_jw_put_string(&w, "mouth_alignment", alignments[alignment == FAL_MOUTH_AUTO_AVSR]);
    fal_jw_put_bool(&w, "exact_preprocessing", exact);
    fal_jw_end_object(&w);
    fal_buf_puts(&text, "\n");
    fal_status st = fal_folder_claim(root, RECORD, &text, err);
    fal_buf_free(&text);
    return st;
}

const char *fal_crop_tree_alignment(const char *root)
{
    const char *found = "unknown";
    fal_json *record = NULL;
    char *path = fal_path_join(root, RECORD);
    if (path && fal_json_read(path, &record, NULL) == FAL_OK) {
        const char *named = fal_json_string(fal_json_get(record, "mouth_alignment"), "");
        for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
            if (fal_str_eq(named, alignments[i]))
                found = alignments[i];
    }
    fal_json_free(&record);
    fal_free(path);
    return found;
}
