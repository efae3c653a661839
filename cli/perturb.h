/* `falsetto eval ... --perturb`: the table of robustness. */
#ifndef FALSETTO_CLI_PERTURB_H
#define FALSETTO_CLI_PERTURB_H

#include <stdbool.h>

/* Whether --perturb is among the arguments. */
bool cli_wants_perturb(int argc, char **argv);
/* The whole command; argv[0] is "eval". Returns the exit code. */
int cli_eval_perturb(int argc, char **argv);

#endif
