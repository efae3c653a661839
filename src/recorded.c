#include "recorded.h"

#include "core/alloc.h"
#include "core/str.h"

#define FAL_LOG_COMPONENT "features"

fal_recorded fal_recorded_read(const char *root)
{
    fal_recorded r = {0};
    char *path = fal_path_join(root, "extract.json");
    if (path && fal_path_exists(path))
        (void)fal_json_read(path, &r.settings, NULL);
    fal_free(path);
    r.encoder = fal_json_string(fal_json_get(r.settings, "encoder"), NULL);
    r.family = fal_json_string(fal_json_get(r.settings, "family"), NULL);
    r.feature = fal_json_string(fal_json_get(r.settings, "feature"), NULL);
    return r;
}

void fal_recorded_free(fal_recorded *r)
{
    fal_json_free(&r->settings);
    *r = (fal_recorded){0};
}

static bool differ(const char *a, const char *b)
{
    return a && b && !fal_str_eq(a, b);
}

fal_status fal_recorded_check(const fal_head_description *head, const char *root, const fal_log *log, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *origin = head->origin ? head->origin : "the head";
    fal_recorded r = fal_recorded_read(root);
    if (differ(head->family, r.family))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s was trained on features of %s, those below %s are of %s", origin, head->family,
                 root, r.family);
    if (differ(head->feature, r.feature))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s was trained on the feature '%s' of %s, those below %s are '%s'", origin,
                 head->feature, head->family ? head->family : "its encoder", root, r.feature);
    if (differ(head->encoder, r.encoder))
        fal_log_warn(log, "%s was trained on features of %s, those below %s are of %s", origin, head->encoder, root,
                     r.encoder);
done:
    fal_recorded_free(&r);
    return st;
}
