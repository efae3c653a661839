#include "encoder/fairseq.h"

static bool present(const fal_value *value)
{
    return fal_value_type(value) != FAL_VALUE_NONE;
}

/* A configuration object is either nested (model, task) or flat. */
static fal_fairseq_config sections(const fal_value *object)
{
    const fal_value *model = fal_value_get(object, "model");
    if (!present(model))
        return (fal_fairseq_config){object, object};
    return (fal_fairseq_config){model, fal_value_get(object, "task")};
}

bool fal_fairseq_find(const fal_checkpoint *ckpt, fal_fairseq_config *out)
{
    const fal_value *top = fal_checkpoint_object(ckpt);
    const fal_value *object = fal_value_get(top, "cfg");
    if (!present(object))
        object = fal_value_get(top, "args");
    if (!present(object))
        return false;
    fal_fairseq_config found = sections(object);
    const fal_value *inner = fal_value_get(found.model, "w2v_args");
    *out = present(inner) ? sections(inner) : found;
    return true;
}
