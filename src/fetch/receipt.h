/* The receipt of a pulled model, NAME/pull.json: where its files came from and what they were. Until the last file is
 * there it is called pull.json.part, so that an interrupted pull of several files forgets nothing. */
#ifndef FAL_FETCH_RECEIPT_H
#define FAL_FETCH_RECEIPT_H

#include "core/json.h"
#include "fetch/pull.h"

/* What the folder's receipt says; *out is NULL when there is none that can be understood. `finished`: only pull.json.
 */
fal_status fal_receipt_read(const char *folder, bool finished, fal_json **out, fal_error *err);

/* True when it lists every file that the job must have, and the files in the folder have these sizes. */
bool fal_receipt_holds(const fal_json *receipt, const fal_pull_job *job);
/* Fills bytes, sha256 and url from what the receipt says about `file->name`; false when it does not know it. */
bool fal_receipt_find(const fal_json *receipt, const char *name, fal_pulled_file *file);

/* Writes what the report knows so far, under the name that fits, and removes the other. */
fal_status fal_receipt_write(const fal_pull_job *job, const fal_pull_report *report, bool finished, fal_error *err);
/* Takes pull.json away while the files it speaks of are being replaced. */
fal_status fal_receipt_reopen(const char *folder, fal_error *err);

#endif
