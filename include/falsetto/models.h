/* The model catalogue: every public checkpoint this library knows, where it comes from and under which licence;
 * fetching, checking, converting and drawing model files.
 *
 * Models live in the model folder: $FALSETTO_HOME/models, without that variable $XDG_DATA_HOME/falsetto/models, without
 * both ~/.local/share/falsetto/models. A pulled model is a folder NAME there, with its files under their official names
 * and a receipt (pull.json: source, size, SHA-256, time, licence); a file NAME.safetensors, NAME.pt, ... put there by
 * hand counts as installed too. */
#ifndef FALSETTO_MODELS_H
#define FALSETTO_MODELS_H

#include <falsetto/encoder.h>
#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One file of a model. */
typedef struct fal_model_file {
    const char *name;    /* official file name */
    const char *urls[3]; /* mirrors, the first is tried first; all NULL: only by hand, see fal_model_entry.page */
    const char *sha256;  /* lower-case hex, NULL: none is published */
    const char *md5;     /* hex, may be the first digits only (as published); NULL: none */
    bool optional;       /* the model works without: a missing one is no error */
} fal_model_file;

enum { FAL_MODEL_FILES = 6 };

typedef struct fal_model_entry {
    const char *name;       /* "avhubert-large", "wav2vec2-xls-r-300m" */
    const char *family, *size, *streams; /* streams as text: "audio, video, av" */
    int64_t dim;            /* channels of a feature row */
    double rate_hz;         /* feature rows per second */
    const char *licence;    /* of the public weights, or "none needed" for random ones */
    const char *source;     /* where the public weights come from, for people: "github.com/ahaliassos/raven" */
    bool non_commercial;    /* the licence forbids commercial use */
    const char *page;       /* address to open in a browser when the files cannot be fetched by program (licence form,
                               Google Drive); NULL: they can */
    fal_model_file files[FAL_MODEL_FILES]; /* the weights first; ends at the first without a name */
} fal_model_entry;
FAL_API size_t fal_model_count(void);
FAL_API const fal_model_entry *fal_model_at(size_t index);
FAL_API const fal_model_entry *fal_model_find(const char *name); /* NULL: no such model */

typedef enum fal_model_state {
    FAL_MODEL_ABSENT,
    FAL_MODEL_UNFINISHED, /* a download was begun and stopped */
    FAL_MODEL_INSTALLED,
    FAL_MODEL_DRAWN       /* needs no file: its weights are drawn from a seed when it is opened */
} fal_model_state;
/* Whether a model of the catalogue can be opened by its name. */
FAL_API fal_status fal_model_look(const char *name, fal_model_state *state, fal_error *err);

/* The catalogue as a JSON array, one object per model. family: only that one (NULL: all); installed: only models that
 * can be opened now. *json is freed with fal_text_free. */
FAL_API fal_status fal_model_list_json(const char *family, bool installed, char **json, fal_error *err);

/* The file or folder of an installed model; *path is NULL when it is not installed; freed with fal_text_free. */
FAL_API fal_status fal_model_path(const char *name, char **path, fal_error *err);

/* A full-size random model by the upstream initialisation, written as safetensors. `name` as in the catalogue. */
FAL_API fal_status fal_model_init(const char *name, uint64_t seed, fal_number_format store, const char *path,
                                  const fal_log *log, fal_error *err);

/* Rewrites any readable checkpoint of a known family as one tidy safetensors file: canonical names, configuration and
 * origin in the metadata. */
typedef enum fal_store { FAL_STORE_AS_IS, FAL_STORE_F32, FAL_STORE_F16, FAL_STORE_BF16 } fal_store;
FAL_API fal_status fal_model_import(const char *source, const char *path, fal_store store,
                                    const fal_encoder_options *options, fal_error *err);

/* Describes any checkpoint file, of a known family or not, as JSON text (container, tensors with dtype and shape,
 * metadata, class names its pickle mentions, inferred configuration). *json is freed with fal_text_free. */
FAL_API fal_status fal_model_info_json(const char *source, char **json, fal_error *err);
/* The same for a person to read: what it is, and its tensors in groups. */
FAL_API fal_status fal_model_info_text(const char *source, char **text, fal_error *err);

/* Checks a checkpoint as opening it would, and more: container and its checksums, every tensor bound with its shape, no
 * value that is not finite, SHA-256 or MD5 of its files where the receipt or the catalogue tells them. *json gets the
 * report (docs/models.md, "verify"), also when the file is not in order, which is a success of the call: report "ok" is
 * then false and "problems" says why. options: heads and family for files that do not say. */
FAL_API fal_status fal_model_verify_json(const char *source, const fal_encoder_options *options, bool *ok, char **json,
                                         fal_error *err);
/* The same report for a person to read. */
FAL_API fal_status fal_model_verify_text(const char *source, const fal_encoder_options *options, bool *ok, char **text,
                                         fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
