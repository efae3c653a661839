/* Running the puppet program (docs/puppet.md), which draws datasets. Inside src/study only. */
#ifndef FAL_STUDY_PUPPETS_H
#define FAL_STUDY_PUPPETS_H

#include "core/progress.h"
#include "study/plan.h"

typedef struct fal_puppet_call {
    const char *program; /* NULL: "puppet", looked for in PATH */
    const char *out;
    const fal_study_puppets *puppets;
    int jobs;
    const fal_progress *progress;
} fal_puppet_call;

/* Waits for the program; it is ended when the call is cancelled. Its messages go to the standard error of this process.
 */
fal_status fal_puppets_draw(const fal_puppet_call *call, fal_error *err);

#endif
