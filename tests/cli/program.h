/* Running the built program as a user does: arguments in, text and exit code out. A failure inside ends the test. */
#ifndef FAL_TESTS_CLI_PROGRAM_H
#define FAL_TESTS_CLI_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

enum { MAX_ARGUMENTS = 40, STOPPED_BY_SIGNAL = 1000 };

typedef struct outcome {
    int code;        /* exit code; STOPPED_BY_SIGNAL + n when signal n ended it */
    char *out, *err; /* everything it wrote, NUL-terminated */
} outcome;

/* run("detect", "clip.mp4", "--json"); input: text for stdin (NULL: none). */
#define run(...) run_arguments(NULL, (const char *const[]){__VA_ARGS__, NULL})
#define run_with_input(input, ...) run_arguments((input), (const char *const[]){__VA_ARGS__, NULL})
outcome run_arguments(const char *input, const char *const *arguments);
void outcome_free(outcome *o);

/* A run that goes on while the test looks. */
typedef struct running {
    pid_t pid;
    char out[64], err[64]; /* temporary files */
} running;
#define start(...) start_arguments((const char *const[]){__VA_ARGS__, NULL})
running start_arguments(const char *const *arguments);
outcome finish(running *r);

/* The outcome must have this exit code, and each text must hold its part (NULL: need not hold anything). Frees it. */
#define expect(o, code, out_part, err_part) expect_at((o), (code), (out_part), (err_part), __FILE__, __LINE__)
void expect_at(outcome o, int code, const char *out_part, const char *err_part, const char *file, int line);

#endif
