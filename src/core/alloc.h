/* Allocation. All heap memory of the library comes from here, so that tests can make any allocation fail and
 * benchmarks can count them. */
#ifndef FAL_CORE_ALLOC_H
#define FAL_CORE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *fal_malloc(size_t bytes);                      /* 64-byte aligned; 0 bytes gives a valid pointer */
void *fal_calloc(size_t count, size_t size);         /* as fal_malloc, zeroed; NULL when count*size overflows */
void *fal_malloc_array(size_t count, size_t size);   /* NULL when count*size overflows */
void *fal_realloc(void *ptr, size_t old_bytes, size_t new_bytes);
char *fal_strdup(const char *text);
char *fal_strndup(const char *text, size_t length);
char *fal_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fal_free(void *ptr);
/* fal_release(&p): frees and leaves NULL. */
#define fal_release(pp) (fal_free(*(pp)), *(pp) = NULL)

/* a*b and a+b that refuse to wrap. */
static inline bool fal_mul_ok(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool fal_add_ok(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

/* Number of successful allocations made by the calling thread: a warm forward pass must not change it. */
uint64_t fal_alloc_count(void);

/* Only in builds with FAL_ALLOC_FAIL: the n-th next allocation of the calling thread fails (0 is the next one), once.
 * A negative n switches this off. Other builds ignore the call. */
void fal_alloc_fail_after(int64_t n);

#endif
