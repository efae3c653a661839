#include "encoder/family.h"

#include "core/buf.h"
#include "core/str.h"

#include <stdio.h>
#include <string.h>

/* One row per family; its instance is at the end of enc_<name>.c. */
extern const fal_family fal_family_auto_avsr, fal_family_avhubert, fal_family_braven, fal_family_clip, fal_family_fsfm,
    fal_family_hubert, fal_family_videomae, fal_family_wav2vec2, fal_family_wavlm;
static const fal_family *const families[] = {&fal_family_avhubert, &fal_family_wav2vec2, &fal_family_hubert,
                                             &fal_family_wavlm,    &fal_family_clip,     &fal_family_videomae,
                                             &fal_family_fsfm,     &fal_family_braven,   &fal_family_auto_avsr};

size_t fal_family_count(void)
{
    return FAL_COUNT(families);
}

const fal_family *fal_family_at(size_t index)
{
    return index < FAL_COUNT(families) ? families[index] : NULL;
}

const fal_family *fal_family_find(const char *name)
{
    for (size_t i = 0; i < FAL_COUNT(families); i++)
        if (fal_str_eq(families[i]->name, name))
            return families[i];
    return NULL;
}

/* ---- the catalogue: every family's configurations one after the other ---- */

static const fal_config_entry *catalogue_at(size_t index, const fal_family **family)
{
    for (size_t f = 0; f < FAL_COUNT(families); f++) {
        if (index < families[f]->config_count) {
            *family = families[f];
            return &families[f]->configs[index];
        }
        index -= families[f]->config_count;
    }
    return NULL;
}

size_t fal_model_count(void)
{
    size_t count = 0;
    for (size_t f = 0; f < FAL_COUNT(families); f++)
        count += families[f]->config_count;
    return count;
}

const fal_model_entry *fal_model_at(size_t index)
{
    const fal_family *family;
    const fal_config_entry *entry = catalogue_at(index, &family);
    return entry ? &entry->model : NULL;
}

const fal_config_entry *fal_catalogue_find(const char *name, const fal_family **family)
{
    const fal_config_entry *entry;
    for (size_t i = 0; (entry = catalogue_at(i, family)); i++)
        if (fal_str_eq(entry->model.name, name))
            return entry;
    return NULL;
}

const fal_model_entry *fal_model_find(const char *name)
{
    const fal_family *family;
    const fal_config_entry *entry = fal_catalogue_find(name, &family);
    return entry ? &entry->model : NULL;
}

fal_status fal_family_feature(const fal_family *family, const fal_encoder_options *options, int *index, fal_error *err)
{
    fal_buf known = {0};
    if (!options->feature) {
        *index = 0;
        return FAL_OK;
    }
    for (int i = 0; family->features && family->features[i]; i++) {
        if (fal_str_eq(family->features[i], options->feature)) {
            *index = i;
            fal_buf_free(&known);
            return FAL_OK;
        }
        fal_buf_printf(&known, "%s%s", i ? ", " : "", family->features[i]);
    }
    fal_status st = fal_fail(err, FAL_ERR_ARGUMENT, "family %s has no feature \"%s\"; it has %s", family->name,
                             options->feature, known.data ? known.data : "one, which needs no name");
    fal_buf_free(&known);
    return st;
}

/* ---- recognising a file ---- */

bool fal_find_prefix(const fal_checkpoint *ckpt, const char *name, char prefix[FAL_PREFIX_BYTES])
{
    for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
        const char *full = fal_checkpoint_at(ckpt, i)->name;
        size_t length = strlen(full), end = strlen(name);
        if (length < end || length - end >= FAL_PREFIX_BYTES || strcmp(full + length - end, name) != 0)
            continue;
        if (length == end || full[length - end - 1] == '.') {
            snprintf(prefix, FAL_PREFIX_BYTES, "%.*s", (int)(length - end), full);
            return true;
        }
    }
    return false;
}

/* The family whose tensors these are, whatever was asked for; NULL: none. */
static const fal_family *true_family(const fal_checkpoint *ckpt)
{
    char prefix[FAL_PREFIX_BYTES];
    for (size_t i = 0; i < FAL_COUNT(families); i++)
        if ((!families[i]->yields || !families[i]->yields(ckpt)) && families[i]->recognise(ckpt, prefix))
            return families[i];
    return NULL;
}

/* What a file of another kind seems to be, by a name that is typical of it. */
static const char *guess(const fal_checkpoint *ckpt)
{
    static const struct {
        const char *glob, *what;
    } signs[] = {
        {"head.weight", "a trained head, which is given beside an encoder (--probe)"},
        {"*class_embedding", "CLIP, or a part of it"},
        {"*frontend.*", "part of a lip-reading model"},
        {"*embeddings.patch_embeddings.*", "another vision transformer"},
        {"*blocks.0.attn.*", "another vision transformer"},
        {"*encoder.w2v_model.*", "a fairseq model around another encoder"},
        {"*decoder.layers.0.*", "a model with a decoder"},
        {"*layers.0.self_attn.*", "another transformer"},
    };
    for (size_t s = 0; s < FAL_COUNT(signs); s++)
        for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++)
            if (fal_str_glob(signs[s].glob, fal_checkpoint_at(ckpt, i)->name))
                return signs[s].what;
    return "nothing this library knows";
}

static fal_status not_recognised(const fal_checkpoint *ckpt, const char *wanted, fal_error *err)
{
    fal_buf tried = {0};
    const fal_family *fits = true_family(ckpt);
    if (fits)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: its tensors do not fit family %s, they are those of family %s",
                        fal_checkpoint_path(ckpt), wanted ? wanted : "", fits->name);
    if (wanted)
        fal_buf_puts(&tried, wanted);
    for (size_t i = 0; !wanted && i < FAL_COUNT(families); i++)
        fal_buf_printf(&tried, "%s%s", i ? ", " : "", families[i]->name);
    size_t count = fal_checkpoint_count(ckpt);
    fal_status st =
        fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: its %zu tensors (first: %s) do not fit family %s; they look like %s",
                 fal_checkpoint_path(ckpt), count, count ? fal_checkpoint_at(ckpt, 0)->name : "none",
                 tried.data ? tried.data : "", guess(ckpt));
    fal_buf_free(&tried);
    return st;
}

fal_status fal_family_recognise(const fal_checkpoint *ckpt, const char *wanted, const fal_family **family,
                                char prefix[FAL_PREFIX_BYTES], fal_error *err)
{
    if (!wanted)
        wanted = fal_checkpoint_metadata(ckpt, "falsetto.family");
    if (wanted && !fal_family_find(wanted))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: there is no encoder family \"%s\"", fal_checkpoint_path(ckpt),
                        wanted);
    for (size_t i = 0; i < FAL_COUNT(families); i++) {
        const fal_family *f = families[i];
        bool asked = wanted ? fal_str_eq(wanted, f->name) : !f->yields || !f->yields(ckpt);
        if (asked && f->recognise(ckpt, prefix)) {
            *family = f;
            return FAL_OK;
        }
    }
    return not_recognised(ckpt, wanted, err);
}
