/* Whether a head was trained on features of the encoder it is used with, as far as both can tell. */
#ifndef FAL_JUDGE_MISMATCH_H
#define FAL_JUDGE_MISMATCH_H

#include <falsetto/encoder.h>
#include <falsetto/head.h>

typedef enum fal_match {
    FAL_MATCH_FITS,    /* nothing speaks against it */
    FAL_MATCH_RENAMED, /* family, feature and width agree, the names do not: perhaps the file was renamed */
    FAL_MATCH_OTHER    /* another family, feature or model */
} fal_match;

/* Dimensions agree: heads of another one are refused when they are opened. A head that records a family only, or the
 * name of the encoder's family, fits every model of it. Names are compared without folder and ending; a catalogue name
 * also stands for the file that the catalogue knows under it. */
fal_match fal_mismatch_find(const fal_head_description *head, const fal_encoder_description *encoder);

#endif
