/* The label files of a finished dataset. */
#ifndef PUP_MANIFEST_H
#define PUP_MANIFEST_H

#include "puppet/cast.h"
#include "puppet/forge.h"

/* Writes metadata.json (AV-Deepfake1M's fields and some more), labels.csv and <split>_labels.csv. */
fal_status pup_manifest_write(const pup_options *options, const pup_clip *clips, const pup_facts *facts,
                              fal_error *err);

#endif
