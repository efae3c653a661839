/* run.jsonl of an output folder: one JSON object per line, only ever appended. Several processes may write into it at
 * the same time: a line is one write, behind a lock that the system takes back from a process that dies. A line that
 * such a process did not finish is cut off by the next one that writes, so that whole lines are all there is before the
 * last line end. Where the file system has no locks, an unfinished line gets a line end instead. */
#ifndef FAL_FEATURE_RUN_LOG_H
#define FAL_FEATURE_RUN_LOG_H

#include "core/buf.h"
#include "core/status.h"

typedef struct fal_run_log fal_run_log;

/* The file is made if needed; what is in it stays. */
fal_status fal_run_log_open(const char *path, fal_run_log **out, fal_error *err);
void fal_run_log_close(fal_run_log **log);

/* Appends `record`, one line without its end, or nothing. One thread at a time. */
fal_status fal_run_log_append(fal_run_log *log, const fal_buf *record, fal_error *err);

/* While this is held no other process appends: it guards what else the runs into one folder change together. Not to be
 * held while appending. */
void fal_run_log_lock(fal_run_log *log);
void fal_run_log_unlock(fal_run_log *log);

#endif
