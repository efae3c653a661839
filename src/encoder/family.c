/* What every family needs done in the same way. */
#include "encoder/family.h"

#include "core/alloc.h"

#include <string.h>

fal_status fal_model_create(const fal_family *family, const void *config, fal_bind *bind, void **out, fal_error *err)
{
    fal_status st = FAL_OK;
    void *model = NULL;
    FAL_ALLOC(model, fal_calloc(1, family->model_size));
    memcpy(model, config, family->config_size);
    FAL_TRY(family->bind(model, bind, err));
    *out = model;
    model = NULL;
done:
    fal_model_free(family, &model);
    return st;
}

void fal_model_free(const fal_family *family, void **model)
{
    if (!*model)
        return;
    family->clear(*model);
    fal_release(model);
}

fal_status fal_family_check_heads(int64_t width, int64_t heads, fal_error *err)
{
    if (heads < 1)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "the file does not say how many attention heads its %lld channels have, and no released model "
                        "has that width: say how many",
                        (long long)width);
    if (width % heads)
        return fal_fail(err, FAL_ERR_FORMAT, "%lld channels cannot be split into %lld attention heads",
                        (long long)width, (long long)heads);
    return FAL_OK;
}
