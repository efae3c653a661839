#include "feature/fingerprint.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 * 1024 };

static void add_piece(fal_digest *digest, const fal_map *map, size_t from)
{
    size_t left = map->size - from;
    fal_sha256_add(digest, map->data + from, left < PIECE ? left : PIECE);
}

static fal_status add_file(fal_digest *digest, const char *path, fal_error *err)
{
    fal_map map;
    char size[24];
    fal_status st = fal_map_open(path, &map, err);
    if (st != FAL_OK)
        return st;
    snprintf(size, sizeof size, "%zu", map.size);
    fal_sha256_add(digest, size, strlen(size) + 1);
    if (map.size) {
        add_piece(digest, &map, 0);
        add_piece(digest, &map, map.size / 2);
        add_piece(digest, &map, map.size > PIECE ? map.size - PIECE : 0);
    }
    fal_map_close(&map);
    return FAL_OK;
}

/* A download's receipt holds the time of the download. */
static int is_of_the_model(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "pull.json") != 0;
}

static fal_status add_folder(fal_digest *digest, const char *folder, fal_error *err)
{
    fal_status st = FAL_OK;
    struct dirent **entries = NULL;
    char *path = NULL;
    int count = scandir(folder, &entries, is_of_the_model, alphasort);
    if (count < 0)
        return fal_fail_errno(err, "%s", folder);
    for (int i = 0; i < count; i++) {
        FAL_ALLOC(path, fal_path_join(folder, entries[i]->d_name));
        if (!fal_path_is_dir(path)) {
            fal_sha256_add(digest, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
            FAL_TRY(add_file(digest, path, err));
        }
        fal_release(&path);
    }
done:
    fal_free(path);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return st;
}

fal_status fal_fingerprint(const char *path, char out[FAL_FINGERPRINT_TEXT], fal_error *err)
{
    char text[FAL_SHA256_HEX];
    fal_digest digest = fal_sha256_start();
    fal_status st = fal_path_is_dir(path) ? add_folder(&digest, path, err) : add_file(&digest, path, err);
    if (st != FAL_OK)
        return st;
    fal_sha256_text(&digest, text);
    snprintf(out, FAL_FINGERPRINT_TEXT, "%.16s", text);
    return FAL_OK;
}
