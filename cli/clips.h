/* The clips a user names: files, folders (searched for media files) and "-" (one path per line on stdin). */
#ifndef FALSETTO_CLI_CLIPS_H
#define FALSETTO_CLI_CLIPS_H

#include <stddef.h>

typedef struct cli_clips {
    char **paths;
    size_t count, capacity;
} cli_clips;

/* Adds what one argument stands for, folders in name order. Returns 0, or EXIT_INPUT after saying what is wrong. */
int cli_clips_add(cli_clips *clips, const char *argument);
void cli_clips_free(cli_clips *clips);

#endif
