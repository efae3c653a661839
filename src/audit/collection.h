/* The lists of an audit and the files they name: rows point to files, and every file is measured once. */
#ifndef FAL_AUDIT_COLLECTION_H
#define FAL_AUDIT_COLLECTION_H

#include "audit/clip_facts.h"
#include "core/csv.h"

#include <falsetto/audit.h>

typedef struct fal_audit_file {
    char *path;                 /* joined with the root */
    int64_t bytes, modified_ns; /* -1: there is no such file */
    bool measured, reused;
    fal_clip_facts facts;
    char *failure; /* why it could not be measured */
} fal_audit_file;

/* One row of one list. */
typedef struct fal_audit_entry {
    const char *path; /* as listed */
    size_t list, file;
    int label;                     /* 0, 1; -1: none or none of these */
    const char *identity, *source; /* NULL: not known */
    char *own_identity;            /* storage of one taken from the path */
} fal_audit_entry;

typedef struct fal_collection {
    fal_csv *tables; /* [list_count] */
    size_t list_count;
    fal_audit_entry *entries;
    size_t entry_count;
    fal_audit_file *files;
    size_t file_count;
} fal_collection;

/* Reads the lists. A label that is neither 0 nor 1 counts as none. */
fal_status fal_collection_read(const fal_audit_options *options, fal_collection *out, fal_error *err);
void fal_collection_free(fal_collection *collection);

#endif
