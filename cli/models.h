/* Verbs of `falsetto models` that have a file of their own. */
#ifndef FALSETTO_CLI_MODELS_H
#define FALSETTO_CLI_MODELS_H

/* `falsetto models pull ...`; argv[0] is "pull". Returns the exit code. */
int models_pull(int argc, char **argv);

#endif
