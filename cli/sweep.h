/* train probe --sweep: one probe per layer, as a table. */
#ifndef FALSETTO_CLI_SWEEP_H
#define FALSETTO_CLI_SWEEP_H

#include "cli.h"

/* `folder` keeps the heads; NULL: none. Returns the exit code. */
int cli_sweep(const fal_head_training *training, const char *patterns, const char *folder);

#endif
