/* FAL_INVARIANT(condition): what must hold after a call succeeded, in every build type. */
#ifndef FAL_FUZZ_INVARIANT_H
#define FAL_FUZZ_INVARIANT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FAL_INVARIANT(condition)                                                                        \
    do {                                                                                                \
        if (!(condition)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                                    \
        }                                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
