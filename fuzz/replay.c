/* The main of a fuzz harness in an ordinary build: runs it on every file of a corpus folder, and, where allocations can
 * be made to fail, again with each one failing in turn. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FAILED_ALLOCATIONS = 400 }; /* per input: bounds the time of large seeds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const fal_buf *input)
{
    static const uint8_t nothing;
    LLVMFuzzerTestOneInput(input->length ? (const uint8_t *)input->data : &nothing, input->length);
}

/* The count of the clean run bounds the loop: failing an allocation can only make a run shorter. */
static void run_with_failures(const fal_buf *input)
{
    uint64_t before = fal_alloc_count();
    run(input);
#ifdef FAL_ALLOC_FAIL
    uint64_t allocations = fal_alloc_count() - before;
    for (uint64_t k = 0; k < allocations && k < MAX_FAILED_ALLOCATIONS; k++) {
        fal_alloc_fail_after((int64_t)k);
        run(input);
        fal_alloc_fail_after(-1);
    }
#else
    (void)before;
#endif
}

static int replay_file(const char *folder, const char *name)
{
    fal_buf input = {0};
    fal_error err = {0};
    char *path = fal_path_join(folder, name);
    int failed = !path || fal_file_read(path, 0, &input, &err) != FAL_OK;
    if (failed)
        fprintf(stderr, "%s: %s\n", name, err.text);
    else
        run_with_failures(&input);
    fal_buf_free(&input);
    fal_free(path);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (!dir) {
        perror(argv[1]);
        return 1;
    }
    int files = 0, failed = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        files++;
        failed += replay_file(argv[1], entry->d_name);
    }
    closedir(dir);
    printf("%s: %d inputs replayed, %d unreadable\n", argv[1], files, failed);
    if (files == 0)
        fprintf(stderr, "%s: empty corpus\n", argv[1]);
    return files == 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
