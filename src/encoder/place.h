/* What the text that names a model stands for: a file or folder, an installed model, or one to be drawn from a seed. */
#ifndef FAL_ENCODER_PLACE_H
#define FAL_ENCODER_PLACE_H

#include "encoder/family.h"

typedef struct fal_place {
    char *path;                    /* file or folder; NULL: the model is drawn */
    const fal_config_entry *entry; /* the catalogue row it was named by; NULL: a path, or a file of another name */
    const fal_family *family;      /* of the row */
} fal_place;

/* In this order: a path that exists (of a folder that is no Hugging Face or open_clip folder, the only weights file in
 * it); NAME in the model folder, see fal_place_installed; a catalogue name of a random model; the name of a family, for
 * the first of its installed models that has `stream` (0: any). Everything else fails with FAL_ERR_NOT_FOUND and says
 * what to do: how to get a model that is not installed, names near to one that is unknown. */
fal_status fal_place_find(const char *source, fal_stream stream, fal_place *out, fal_error *err);
/* The same for those who need a file: a model that would be drawn fails. */
fal_status fal_place_file(const char *source, fal_place *out, fal_error *err);
void fal_place_free(fal_place *place);
/* FAL_ERR_NOT_FOUND for a text that is nothing, with the names near to it. */
fal_status fal_place_unknown(const char *source, fal_error *err);
/* The options with which to open what was found: a model of the catalogue is of its row's family, unless they say
 * otherwise. */
fal_encoder_options fal_place_options(const fal_place *place, const fal_encoder_options *options);

/* What the model folder (core/home.h) holds under a name: the folder NAME, or the weights file in it; a file NAME, or
 * NAME with one of the endings weights have. *path stays NULL when there is nothing; *unfinished then says whether a
 * download of it was begun. */
fal_status fal_place_installed(const char *name, char **path, bool *unfinished, fal_error *err);

/* Length of a file name without the ending that weights have; all of it when it has none, or nothing else. */
size_t fal_weights_stem(const char *name);

/* Streams of a catalogue row, bits 1 << fal_stream. */
int fal_entry_streams(const fal_config_entry *entry, const fal_family *family);

#endif
