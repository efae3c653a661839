/* What is behind the heads. */
#ifndef PUP_BACKDROP_H
#define PUP_BACKDROP_H

#include "puppet/picture.h"

/* Fills the picture with one of several rooms. */
void pup_draw_backdrop(pup_picture *picture, uint64_t seed);

#endif
