/* The kinds of clip: one row each. */
#ifndef PUP_METHOD_H
#define PUP_METHOD_H

#include <stddef.h>

typedef enum pup_method {
    PUP_REAL,
    PUP_WORD_AUDIO, /* one or two words spoken anew, lips unchanged */
    PUP_WORD_MOUTH, /* lips redrawn to other words, audio unchanged */
    PUP_WORD_BOTH,  /* both of the above, lips and audio agree */
    PUP_SHIFT,      /* audio moved against the picture */
    PUP_VOICE,      /* the whole voice replaced */
    PUP_FACE,       /* the whole face replaced */
    PUP_METHODS
} pup_method;

typedef struct pup_method_info {
    const char *name;
    const char *modify_type; /* AV-Deepfake1M's word */
    const char *audio_model; /* NULL: audio untouched */
    const char *video_model; /* NULL: picture untouched */
} pup_method_info;

const pup_method_info *pup_method_get(pup_method method);
/* The forgery called name[0..length), or PUP_METHODS. "real" is not a forgery. */
pup_method pup_method_find(const char *name, size_t length);

#endif
