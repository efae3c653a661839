/* Fingerprints of a clip: one for its bytes, one for what it shows and sounds like to the last bit, and coarse ones
 * that survive encoding anew. docs/audit.md has the reasons for the numbers. */
#ifndef FAL_AUDIT_CLIP_PRINT_H
#define FAL_AUDIT_CLIP_PRINT_H

#include "core/digest.h"
#include "media/clip.h"

enum {
    FAL_PRINT_FPS = 5,        /* pictures per second that are looked at */
    FAL_PRINT_PICTURES = 16,  /* hashed ones: every 0.4 s from the start */
    FAL_PRINT_SOUND_BITS = 64 /* steps of 0.1 s from the first sound on */
};

typedef struct fal_clip_print {
    char file[FAL_SHA256_HEX], content[FAL_SHA256_HEX];
    uint64_t pictures[FAL_PRINT_PICTURES]; /* difference hashes; 0: a flat picture that says nothing */
    int picture_count;
    uint64_t sound; /* bit k: step k+1 is louder than step k */
    int sound_bits; /* 0: no sound */
} fal_clip_print;

/* The print while a clip is read: sound first, then the pictures in order. */
typedef struct fal_print_maker {
    fal_digest content;
    fal_clip_print print;
    int64_t seen; /* pictures */
} fal_print_maker;

fal_print_maker fal_print_start(void);
/* 16 kHz mono; `first` is the first sample that is no silence. */
void fal_print_sound(fal_print_maker *maker, const float *wave, size_t count, size_t first);
void fal_print_picture(fal_print_maker *maker, const fal_frame *frame);
void fal_print_finish(fal_print_maker *maker, fal_clip_print *out); /* fills all but `file` */

/* Whether the two clips' pictures, or sounds, are nearly the same; false where one has none or too little to tell. */
bool fal_print_pictures_match(const fal_clip_print *a, const fal_clip_print *b);
bool fal_print_sounds_match(const fal_clip_print *a, const fal_clip_print *b);

#endif
