/* Private to this folder: a restricted reader of Python pickles, protocols 0 to 5.
 *
 * A pickle is a program for a stack machine. This machine makes containers, scalars, strings and tensors; a class or
 * function is only a name, calling it gives an opaque object that remembers name and arguments (the few that rebuild
 * tensors and containers are known by name and done here). Nothing is looked up, imported or run.
 *
 * Work and memory are bounded by the size of the pickle: every opcode does a constant amount of work besides what it
 * reads, and values come from a pool whose budget grows by FAL_PICKLE_BYTES_PER_BYTE with every byte read, up to
 * FAL_VALUES_MAX_BYTES. */
#ifndef FAL_WEIGHTS_PICKLE_H
#define FAL_WEIGHTS_PICKLE_H

#include "weights/value.h"

enum {
    FAL_PICKLE_BYTES_PER_BYTE = 256,
    FAL_PICKLE_MAX_BYTES = 1 << 25 /* released checkpoints stay below 2 MB */
};

/* The memory of one or more tensors, as a persistent id announces it. One id, one record; two may share a key. */
struct fal_storage {
    fal_storage *next;
    const char *key;       /* names the data: a zip member, or an entry of the legacy key list */
    const char *type_name; /* "torch.FloatStorage" */
    bool has_dtype;        /* false: a kind of number we have no name for, or untyped bytes */
    bool untyped;
    fal_dtype dtype;
    size_t item_size;      /* bytes */
    size_t bytes;          /* of the whole data under `key` */
    size_t view_offset, view_bytes; /* the part this record stands for; usually all of it */
    const uint8_t *data;   /* of the whole; set by the container */
};

typedef struct fal_tensor_record {
    struct fal_tensor_record *next;
    fal_tensor *tensor;
    const fal_storage *storage;
    size_t offset; /* bytes from the start of the storage's data */
} fal_tensor_record;

typedef struct fal_pickle {
    const char *origin;  /* for error text */
    fal_arena *arena;    /* owns everything below */
    fal_value *object;   /* what the pickle describes */
    size_t consumed;     /* bytes up to and including STOP */
    fal_storage *storages;      /* latest first */
    fal_tensor_record *tensors; /* latest first; their data is NULL until fal_pickle_place_tensors */
    const char **classes; /* distinct names in order of first use */
    size_t class_count;
} fal_pickle;

/* Reads one pickle from the start of `bytes`; origin and arena are set by the caller. */
fal_status fal_pickle_read(const uint8_t *bytes, size_t size, fal_pickle *pickle, fal_error *err);

/* After the container has set the data of every storage that a tensor uses: points the tensors at it. */
void fal_pickle_place_tensors(const fal_pickle *pickle);

#endif
