#include "core/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

static _Thread_local uint64_t allocations;
#ifdef FAL_ALLOC_FAIL
static _Thread_local int64_t fail_after = -1;
#endif

static bool allowed(void)
{
#ifdef FAL_ALLOC_FAIL
    if (fail_after >= 0 && fail_after-- == 0)
        return false;
#endif
    allocations++;
    return true;
}

uint64_t fal_alloc_count(void)
{
    return allocations;
}

void fal_alloc_fail_after(int64_t n)
{
#ifdef FAL_ALLOC_FAIL
    fail_after = n;
#else
    (void)n;
#endif
}

void *fal_malloc(size_t bytes)
{
    void *ptr = NULL;
    if (!allowed())
        return NULL;
    /* Weights: 2 MiB pages cost a five-hundredth of the page faults, which are most of the time of opening a model. */
    if (bytes >= HUGE_FROM) {
        if (posix_memalign(&ptr, HUGE_PAGE, bytes) != 0)
            return NULL;
        madvise(ptr, bytes, MADV_HUGEPAGE); /* a wish: failure changes nothing */
        return ptr;
    }
    return posix_memalign(&ptr, ALIGNMENT, bytes ? bytes : 1) == 0 ? ptr : NULL;
}

void *fal_malloc_array(size_t count, size_t size)
{
    size_t bytes;
    return fal_mul_ok(count, size, &bytes) ? fal_malloc(bytes) : NULL;
}

void *fal_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!fal_mul_ok(count, size, &bytes))
        return NULL;
    void *ptr = fal_malloc(bytes);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

void *fal_realloc(void *ptr, size_t old_bytes, size_t new_bytes)
{
    void *grown = fal_malloc(new_bytes);
    if (grown && ptr) {
        memcpy(grown, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
        free(ptr);
    }
    return grown;
}

char *fal_strndup(const char *text, size_t length)
{
    char *copy = fal_malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *fal_strdup(const char *text)
{
    return fal_strndup(text, strlen(text));
}

char *fal_asprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = length < 0 ? NULL : fal_malloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(text, (size_t)length + 1, fmt, ap);
    va_end(ap);
    return text;
}

void fal_free(void *ptr)
{
    free(ptr);
}
