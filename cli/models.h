/* Verbs of `falsetto models` that have a file of their own. */
#ifndef FALSETTO_CLI_MODELS_H
#define FALSETTO_CLI_MODELS_H

#include <stdbool.h>

/* `falsetto models pull ...`; argv[0] is "pull". Returns the exit code. */
int models_pull(int argc, char **argv);

/* `falsetto models list` as a table, no wider than the terminal. */
typedef struct models_filter {
    const char *family; /* only this one; NULL: all */
    bool installed;     /* only models that can be opened now */
} models_filter;
int models_table(const models_filter *filter);

#endif
