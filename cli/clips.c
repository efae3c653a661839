#include "clips.h"

#include "cli.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 64 };

/* A folder being looked into, and the one it is in. */
typedef struct folder {
    const struct folder *parent; /* NULL: the one that was named */
    int depth;
    dev_t device;
    ino_t inode;
} folder;

static const char *const media_endings[] = {
    ".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".3gp",  ".flv",
    ".ts",  ".wmv", ".ogv", ".wav",  ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac",
};

static int add(cli_clips *clips, const char *path)
{
    if (clips->count == clips->capacity) {
        size_t capacity = clips->capacity ? 2 * clips->capacity : 64;
        char **paths = realloc(clips->paths, capacity * sizeof *paths);
        if (!paths)
            return EXIT_INPUT;
        clips->paths = paths;
        clips->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy)
        return EXIT_INPUT;
    clips->paths[clips->count++] = copy;
    return 0;
}

static bool is_media(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof media_endings / sizeof *media_endings; i++)
        if (!strcasecmp(dot, media_endings[i]))
            return true;
    return false;
}

/* A link from here to a folder that this one lies in would be followed for ever. */
static bool leads_back(const folder *here, const struct stat *to)
{
    while (here && (here->device != to->st_dev || here->inode != to->st_ino))
        here = here->parent;
    return here;
}

static int add_folder(cli_clips *clips, const char *path_of_folder, const struct stat *about, const folder *parent)
{
    struct dirent **entries;
    const folder here = {parent, parent ? parent->depth + 1 : 0, about->st_dev, about->st_ino};
    int code = 0, count = here.depth < MAX_DEPTH ? scandir(path_of_folder, &entries, NULL, alphasort) : -1;
    if (count < 0) {
        cli_warn("%s: cannot read this folder%s", path_of_folder, here.depth < MAX_DEPTH ? "" : ": it lies too deep");
        return EXIT_INPUT;
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat info;
        const char *name = entries[i]->d_name;
        int length = snprintf(path, sizeof path, "%s/%s", path_of_folder, name);
        if (!code && name[0] != '.' && length > 0 && length < (int)sizeof path && !stat(path, &info)) {
            if (S_ISDIR(info.st_mode))
                code = leads_back(&here, &info) ? 0 : add_folder(clips, path, &info, &here);
            else if (is_media(name))
                code = add(clips, path);
        }
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int add_stdin(cli_clips *clips)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int code = 0;
    while (!code && (length = getline(&line, &capacity, stdin)) >= 0) {
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = '\0';
        if (length)
            code = add(clips, line);
    }
    free(line);
    return code;
}

int cli_clips_add(cli_clips *clips, const char *argument)
{
    struct stat info;
    if (!strcmp(argument, "-"))
        return add_stdin(clips);
    if (!stat(argument, &info) && S_ISDIR(info.st_mode)) {
        size_t before = clips->count;
        int code = add_folder(clips, argument, &info, NULL);
        if (!code && clips->count == before)
            cli_warn("%s: no audio or video files in this folder", argument);
        return code;
    }
    return add(clips, argument);
}

void cli_clips_free(cli_clips *clips)
{
    for (size_t i = 0; i < clips->count; i++)
        free(clips->paths[i]);
    free(clips->paths);
    *clips = (cli_clips){0};
}
