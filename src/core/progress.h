/* Progress of a long call, reported to the caller: the library never draws. */
#ifndef FAL_CORE_PROGRESS_H
#define FAL_CORE_PROGRESS_H

#include <falsetto/progress.h>

/* Calls the caller's function if there is one. */
static inline void fal_progress_report(const fal_progress *progress, const char *what, double done, double total)
{
    if (progress && progress->report)
        progress->report(progress->user, what, done, total);
}

static inline bool fal_progress_cancelled(const fal_progress *progress)
{
    return progress && progress->cancel && *progress->cancel;
}

#endif
