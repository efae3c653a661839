/* FAL_CLONES before a function with a plain loop: the compiler makes it once per instruction set and the loader picks.
 * Only for loops whose result is the same in each of them (integers, or floating point without contraction).
 * Left out of sanitizer builds, where the loader's choice would run before the sanitizer is ready, and for compilers
 * without x86-64 levels in target_clones. */
#ifndef FAL_CORE_CLONES_H
#define FAL_CORE_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FAL_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FAL_CLONES
#endif

#endif
