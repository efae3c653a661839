/* Inside of the public handles, for the files of this folder. */
#ifndef FAL_ENCODER_ENCODER_H
#define FAL_ENCODER_ENCODER_H

#include "encoder/family.h"

struct fal_encoder {
    const fal_family *family;
    void *model;
    char *origin, *path;
    fal_encoder_description description;
    fal_pooling pooling; /* of hidden states, when a request asks for it */
};

struct fal_session {
    fal_run *run;
    fal_session_options options;
};

#endif
