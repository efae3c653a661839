/* What the subcommands share: options from a table, messages, progress, signals. Only public headers below. */
#ifndef FALSETTO_CLI_H
#define FALSETTO_CLI_H

#include <falsetto/falsetto.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes, documented in `falsetto --help`. */
enum { EXIT_DONE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_STOPPED = 130 };

/* ---- options ---- */

typedef enum cli_kind {
    CLI_FLAG,   /* target: bool * */
    CLI_INT,    /* int * */
    CLI_REAL,   /* double * */
    CLI_TEXT,   /* const char ** */
    CLI_LIST,   /* cli_list *: may be given several times */
    CLI_CHOICE  /* int *: index of one of `choices`, "a|b|c" */
} cli_kind;

enum { CLI_MAX_LIST = 64 };
typedef struct cli_list {
    const char *items[CLI_MAX_LIST];
    size_t count;
} cli_list;

typedef struct cli_option {
    const char *name;     /* without the dashes */
    char letter;          /* 0: none */
    cli_kind kind;
    void *target;
    const char *value;    /* what the help calls the value; for CLI_CHOICE the choices */
    const char *help;     /* NULL: not on the help page */
} cli_option;

typedef struct cli_usage {
    const char *command;    /* "detect" */
    const char *arguments;  /* "CLIP..." */
    const char *summary;
    const char *example;    /* one or more lines */
    const cli_option *options;
    size_t option_count;
} cli_usage;

/* Parses argv[1..]; positional arguments are gathered at the front of argv and counted in *positional. Returns -1 to go
 * on, or an exit code (after --help, or after saying what is wrong). "--name=value", "--name value" and "-o value" work;
 * "--" ends the options. */
int cli_parse(const cli_usage *usage, int argc, char **argv, int *positional);
/* Says what is wrong and how to get help; returns EXIT_USAGE. */
int cli_misuse(const cli_usage *usage, const char *fmt, ...) FAL_PRINTF(2, 3);

/* The whole text as a number; false, with *out as it was, when it is none. */
bool cli_real(const char *text, double *out);

/* "name:stream" or "path:stream" into its parts (writes a NUL into `text`); stream 0 when none is named. */
fal_stream cli_split_stream(char *text);
/* "audio", "video", "av"; 0 for anything else. */
fal_stream cli_stream(const char *text);

/* --layers: "last", "all", or a list such as "3,7". */
enum { CLI_MAX_LAYERS = 256 };
typedef struct cli_layers {
    bool all;
    int items[CLI_MAX_LAYERS];
    size_t count;
} cli_layers;
bool cli_parse_layers(const char *text, cli_layers *out); /* NULL: "last" */

/* Encoders as they are named on a command line, NAME[:STREAM], with one --feature for all or one for each. */
typedef struct cli_encoder {
    char *name; /* without its stream */
    fal_stream stream;
    const char *feature;
} cli_encoder;
typedef struct cli_encoders {
    cli_encoder *items;
    size_t count;
} cli_encoders;
/* -1, or an exit code after saying what is wrong. Freed with cli_encoders_free, whatever the outcome. */
int cli_name_encoders(const cli_usage *usage, const cli_list *names, const cli_list *features, cli_encoders *out);
void cli_encoders_free(cli_encoders *encoders);

/* ---- what every command carries ---- */

typedef struct cli_common {
    bool quiet;            /* no progress, no notes */
    bool verbose;          /* log lines of the library */
    const char *trace;     /* components whose debug lines are wanted */
    int threads;
    int precision;         /* index in CLI_PRECISIONS */
    int mouth_alignment;   /* fal_mouth_alignment, index in CLI_ALIGNMENTS */
    fal_log log;
    fal_progress progress;
} cli_common;

#define CLI_PRECISIONS "fp32|bf16"
/* Rows every command's option table ends with. */
#define CLI_COMMON_OPTIONS(c)                                                              \
    {"threads", 'j', CLI_INT, &(c).threads, "N", "cores to use (default: all available)"}, \
    {"quiet", 'q', CLI_FLAG, &(c).quiet, NULL, "no progress, no notes"},                   \
    {"verbose", 'v', CLI_FLAG, &(c).verbose, NULL, "say what is done"},                    \
    {"trace", 0, CLI_TEXT, &(c).trace, "PARTS", "every detail of some parts, e.g. face,weights"}
#define CLI_PRECISION_OPTION(c) \
    {"precision", 0, CLI_CHOICE, &(c).precision, CLI_PRECISIONS, "arithmetic of the encoder (default fp32)"}
#define CLI_ALIGNMENTS "by-family|avhubert|auto-avsr"
#define CLI_ALIGNMENT_OPTION(c)                                        \
    {"mouth-alignment", 0, CLI_CHOICE, &(c).mouth_alignment, CLI_ALIGNMENTS, \
     "which mouth crops lip encoders get"}

/* After parsing: log sink, progress bar on a terminal, Ctrl-C. */
void cli_begin(cli_common *common);
fal_number_format cli_numbers(const cli_common *common);
/* Ends a progress line, if one is on the screen. */
void cli_progress_done(void);

/* "falsetto: <text>" on stderr; returns EXIT_INPUT, or EXIT_STOPPED for a cancelled call. */
int cli_fail(const fal_error *err);
void cli_warn(const char *fmt, ...) FAL_PRINTF(1, 2);
/* True after Ctrl-C. */
bool cli_stopped(void);

/* ---- subcommands: one const instance per cmd_*.c, one row in main.c ---- */

typedef struct cli_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} cli_command;

extern const cli_command cmd_audit, cmd_bench, cmd_calibrate, cmd_compare, cmd_detect, cmd_encode, cmd_eval, cmd_extract, cmd_models,
    cmd_reproduce, cmd_train;

#endif
