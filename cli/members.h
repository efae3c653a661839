/* Detectors as they are named on a command line: encoders with their heads. */
#ifndef FALSETTO_CLI_MEMBERS_H
#define FALSETTO_CLI_MEMBERS_H

#include "cli.h"

typedef struct cli_members {
    cli_list names, probes, features; /* targets of --encoder, --probe, --feature */
    cli_encoders encoders;
    fal_judge_member items[CLI_MAX_LIST];
    size_t count;
} cli_members;

#define CLI_MEMBER_OPTIONS(m)                                                                                      \
    {"encoder", 'e', CLI_LIST, &(m).names, "NAME[:STREAM]", "checkpoint or name; STREAM audio, video or av"},      \
    {"probe", 'p', CLI_LIST, &(m).probes, "FILE", "its head, one per --encoder (one encoder may serve several)"},  \
    {"feature", 0, CLI_LIST, &(m).features, "NAME", "which of the family's features: one for all, or per --encoder"}

/* Fills items after parsing; without --encoder and --probe the built-in detector. -1, or an exit code after saying what
 * is wrong. Freed with cli_members_free, whatever the outcome. */
int cli_pair_members(cli_members *members, const cli_usage *usage);
void cli_members_free(cli_members *members);

#endif
