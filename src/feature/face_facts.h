/* What a person judging a clip wants to know about the face that was followed. */
#ifndef FAL_FEATURE_FACE_FACTS_H
#define FAL_FEATURE_FACE_FACTS_H

#include "face/timeline.h"

#include <falsetto/judge.h>

/* `wanted`: the face asked for, from 1; 0: none in particular. */
fal_face_facts fal_face_measure(const fal_face_tracks *tracks, const fal_face_timeline *line, int wanted);

#endif
