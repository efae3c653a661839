#include "head/params.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static fal_status make_room(fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_param *grown = NULL;
    size_t capacity = params->capacity ? 2 * params->capacity : 16;
    if (params->list_count < params->capacity)
        return FAL_OK;
    FAL_ALLOC(grown, fal_malloc_array(capacity, sizeof *grown));
    if (params->list_count)
        memcpy(grown, params->list, params->list_count * sizeof *grown);
    fal_free(params->list);
    params->list = grown;
    params->capacity = capacity;
done:
    return st;
}

fal_status fal_params_add(fal_params *params, const char *name, int rank, const int64_t *shape, fal_init init,
                          size_t *offset, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_param p = {.rank = rank, .init = init, .offset = params->count, .count = 1};
    FAL_TRY(make_room(params, err));
    snprintf(p.name, sizeof p.name, "%s", name);
    for (int axis = 0; axis < rank; axis++) {
        p.shape[axis] = shape[axis];
        p.count *= (size_t)shape[axis];
    }
    params->list[params->list_count++] = p;
    params->count += p.count;
    if (offset)
        *offset = p.offset;
done:
    return st;
}

fal_status fal_params_allocate(fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(params->values, fal_calloc(params->count, sizeof *params->values));
done:
    return st;
}

void fal_params_draw(fal_params *params, uint64_t seed)
{
    for (size_t i = 0; i < params->list_count; i++) {
        const fal_param *p = &params->list[i];
        float *to = params->values + p->offset, a = (float)p->init.a;
        uint64_t stream = fal_rng_stream(p->name);
        if (p->init.kind == FAL_INIT_KIND_UNIFORM)
            fal_rng_fill_uniform(seed, stream, 0, -a, a, to, p->count);
        else if (p->init.kind == FAL_INIT_KIND_NORMAL)
            fal_rng_fill_normal(seed, stream, 0, 0, a, to, p->count);
        else
            for (size_t k = 0; k < p->count; k++)
                to[k] = p->init.kind == FAL_INIT_KIND_CONST ? a : 0;
    }
}

static fal_status read_one(const fal_param *p, const fal_checkpoint *ckpt, const char *prefix, float *to, fal_error *err)
{
    char full[FAL_PARAM_NAME + 64], found[96], wanted[96];
    snprintf(full, sizeof full, "%s%s", prefix, p->name);
    const fal_named_tensor *t = fal_checkpoint_find(ckpt, full);
    fal_tensor want = fal_tensor_f32(NULL, p->rank, p->shape);
    if (!t && p->optional)
        return FAL_OK;
    if (!t)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s is missing", fal_checkpoint_path(ckpt), full);
    if (!fal_tensor_has_shape(&t->tensor, p->rank, p->shape))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s is %s, expected %s", fal_checkpoint_path(ckpt), full,
                        fal_tensor_shape_text(found, &t->tensor), fal_tensor_shape_text(wanted, &want));
    fal_tensor_copy_f32(&t->tensor, to);
    for (size_t k = 0; k < p->count; k++)
        if (!isfinite(to[k]))
            return fal_fail(err, FAL_ERR_FORMAT, "%s: %s holds a value that is not finite (element %zu)",
                            fal_checkpoint_path(ckpt), full, k);
    return FAL_OK;
}

fal_status fal_params_read(fal_params *params, const fal_checkpoint *ckpt, const char *prefix, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < params->list_count; i++)
        FAL_TRY(read_one(&params->list[i], ckpt, prefix, params->values + params->list[i].offset, err));
done:
    return st;
}

void fal_params_free(fal_params *params)
{
    fal_free(params->values);
    fal_free(params->list);
    *params = (fal_params){0};
}

void fal_params_tensors(const fal_params *params, fal_named_tensor *out)
{
    for (size_t i = 0; i < params->list_count; i++) {
        const fal_param *p = &params->list[i];
        out[i] = (fal_named_tensor){p->name, fal_tensor_f32(params->values + p->offset, p->rank, p->shape)};
    }
}
