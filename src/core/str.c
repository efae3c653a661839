#include "core/str.h"

#include "core/alloc.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool fal_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool fal_str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && memcmp(text + length - wanted, suffix, wanted) == 0;
}

bool fal_str_eq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Greedy with one point of return: after a later '*' an earlier one never needs to be revisited, so the time is at most
 * |pattern| * |text| whatever the pattern. */
bool fal_str_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

char *fal_path_join(const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0')
        return fal_strdup(name);
    return fal_asprintf("%s%s%s", dir, fal_str_ends(dir, "/") ? "" : "/", name);
}

char *fal_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return fal_strdup(".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? fal_strdup("/") : fal_strndup(path, (size_t)(slash - path));
}

const char *fal_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *fal_path_with_ext(const char *path, const char *ext)
{
    const char *base = fal_path_base(path);
    const char *dot = strrchr(base, '.');
    /* A leading dot makes a hidden file, not an extension. */
    size_t stem = dot && dot > base ? (size_t)(dot - path) : strlen(path);
    return fal_asprintf("%.*s%s", (int)stem, path, ext);
}

bool fal_path_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool fal_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

size_t fal_utf8_length(const char *bytes)
{
    const unsigned char *text = (const unsigned char *)bytes;
    unsigned char low = 0x80, high = 0xbf;
    size_t more = text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 1 : text[0] < 0xf0 ? 2 : text[0] < 0xf5 ? 3 : 0;
    if (text[0] < 0x80)
        return 1;
    if (text[0] == 0xe0)
        low = 0xa0; /* shorter forms exist */
    else if (text[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (text[0] == 0xf0)
        low = 0x90;
    else if (text[0] == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    for (size_t i = 1; i <= more; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return more ? more + 1 : 0;
}

void fal_str_tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
            *c = '?';
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
    }
}
