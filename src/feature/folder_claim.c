#include "feature/folder_claim.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <string.h>

fal_status fal_folder_claim(const char *folder, const char *name, const fal_buf *settings, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf theirs = {0};
    bool mine = false;
    char *path = NULL;
    FAL_ALLOC(path, settings->failed ? NULL : fal_path_join(folder, name));
    FAL_TRY(fal_make_dirs(folder, err));
    FAL_TRY(fal_file_claim(path, settings->data, settings->length, &mine, err));
    if (mine)
        goto done;
    FAL_TRY(fal_file_read(path, 0, &theirs, err));
    if (settings->length != theirs.length || memcmp(settings->data, theirs.data, settings->length))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s holds files made with other settings:\n%sthis run has:\n%suse another folder",
                 folder, theirs.length ? theirs.data : "nothing\n", settings->data);
done:
    fal_buf_free(&theirs);
    fal_free(path);
    return st;
}
