#include "support/alloc_fail.h"

#include "core/alloc.h"

void fal_check_alloc_failures(const char *name, fal_alloc_case *fn, void *user)
{
    fal_error err = {0};
    uint64_t before = fal_alloc_count();
    fal_check_ok(fn(user, &err), &err);
    uint64_t allocations = fal_alloc_count() - before;
#ifdef FAL_ALLOC_FAIL
    for (uint64_t k = 0; k < allocations; k++) {
        fal_alloc_fail_after((int64_t)k);
        fal_status st = fn(user, &err);
        fal_alloc_fail_after(-1);
        if (st != FAL_OK && st != FAL_ERR_MEMORY)
            fail_msg("%s: allocation %d failed, got status \"%s\": %s, want \"memory\"", name, (int)k,
                     fal_status_name(st), err.text);
    }
    print_message("alloc failure %-32s %d allocations, each failed in turn\n", name, (int)allocations);
#else
    print_message("alloc failure %-32s %d allocations; not injected in this build\n", name, (int)allocations);
#endif
}
