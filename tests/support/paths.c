#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 32, PATH_BYTES = 1024 };

static char temp_dir[PATH_BYTES];

static const char *build(const char *root, const char *fmt, va_list ap)
{
    static char slots[SLOTS][PATH_BYTES];
    static int next;
    char *slot = slots[next++ % SLOTS];
    int used = snprintf(slot, PATH_BYTES, "%s/", root);
    int more = vsnprintf(slot + used, PATH_BYTES - (size_t)used, fmt, ap);
    if (used + more >= PATH_BYTES)
        fail_msg("path too long: %s", slot);
    return slot;
}

const char *fal_data_path(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *path = build(FAL_TEST_DATA, fmt, ap);
    va_end(ap);
    return path;
}

const char *fal_reference_path(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *path = build(FAL_REFERENCE_DIR, fmt, ap);
    va_end(ap);
    return path;
}

const char *fal_golden_path(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *path = build(FAL_REFERENCE_DIR "/goldens", fmt, ap);
    va_end(ap);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

void fal_remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_temp_dir(void)
{
    fal_remove_tree(temp_dir);
}

static const char *make_temp_dir(void)
{
    if (temp_dir[0])
        return temp_dir;
    const char *base = getenv("TMPDIR");
    snprintf(temp_dir, sizeof temp_dir, "%s/falsetto-test-XXXXXX", base && base[0] ? base : "/tmp");
    if (!mkdtemp(temp_dir))
        fail_msg("cannot make a folder like %s", temp_dir);
    atexit(remove_temp_dir);
    return temp_dir;
}

const char *fal_temp_path(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *path = build(make_temp_dir(), fmt, ap);
    va_end(ap);
    return path;
}

bool fal_have_reference(void)
{
    return access(FAL_REFERENCE_DIR "/goldens", R_OK) == 0;
}

void fal_skip_without_reference(void)
{
    if (fal_have_reference())
        return;
    print_message("skipped: no reference goldens in %s (set FALSETTO_REFERENCE_DIR)\n", FAL_REFERENCE_DIR);
    skip();
}

void fal_skip_without(const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    print_message("skipped: %s is not there\n", path);
    skip();
}
