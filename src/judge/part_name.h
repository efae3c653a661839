/* What the name of a feature array says, as extraction writes them: "audio", "visual_hidden_7", "arr_0", "hidden_7". */
#ifndef FAL_JUDGE_PART_NAME_H
#define FAL_JUDGE_PART_NAME_H

#include <falsetto/encoder.h>

#include <stdbool.h>

enum { FAL_PART_FEATURES = -1 };

typedef struct fal_part_name {
    fal_stream stream; /* 0: the name does not say, the encoder has one stream */
    int layer;         /* hidden state, or FAL_PART_FEATURES */
} fal_part_name;

/* NULL stands for features of an unnamed stream. False for a name that extraction does not write. */
bool fal_part_name_parse(const char *name, fal_part_name *out);

#endif
