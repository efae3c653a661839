/* What the parts of `falsetto compare` share. */
#ifndef FALSETTO_CLI_COMPARE_H
#define FALSETTO_CLI_COMPARE_H

#include "cli.h"

enum { COMPARE_NAME = 128 };
#define COMPARE_FUSIONS "probabilities|scores" /* fal_fusion */

typedef struct compare_settings {
    cli_common common;
    const char *const *names;
    int fusion;
    cli_list validation;
    const char *fused, *plot; /* files to write; NULL: none */
    bool json;
} compare_settings;

/* compare_print.c: results for people. */
void compare_print(const fal_comparison *comparison, const compare_settings *settings);

#endif
