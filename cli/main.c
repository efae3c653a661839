/* falsetto: one program, one subcommand per cmd_*.c. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const cli_command *const commands[] = {
    &cmd_detect, &cmd_extract, &cmd_train, &cmd_calibrate, &cmd_eval, &cmd_compare, &cmd_audit, &cmd_reproduce, &cmd_models,
    &cmd_encode, &cmd_bench,
};

static void print_help(FILE *out)
{
    fputs("Usage: falsetto COMMAND [options] ...\n\n"
          "Tells real talking-head video from deepfakes with frozen self-supervised encoders.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nfalsetto COMMAND --help tells more. Results go to stdout, messages to stderr.\n"
          "Exit codes: 0 done, 1 something in the input failed (said which), 2 wrong usage, 130 stopped by Ctrl-C.\n\n"
          "Example:\n  falsetto detect clip.mp4\n",
          out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (!strcmp(name, "--version")) {
        printf("falsetto %s (%s)\n", fal_version(), fal_instruction_set());
        return EXIT_DONE;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_help(argc > 1 ? stdout : stderr);
        return argc > 1 ? EXIT_DONE : EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i]->name, name)) {
            int code = commands[i]->run(argc - 1, argv + 1);
            cli_progress_done();
            return fflush(stdout) == 0 ? code : EXIT_INPUT;
        }
    fprintf(stderr, "falsetto: there is no command '%s'\n\n", name);
    print_help(stderr);
    return EXIT_USAGE;
}
