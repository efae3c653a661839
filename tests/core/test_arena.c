#include "support/test.h"

#include "core/alloc.h"
#include "core/arena.h"

#include <string.h>

static void test_blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    char *previous = NULL;
    for (int i = 0; i < 1000; i++) {
        char *block = fal_arena_alloc(arena, (size_t)i, 3);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_ptr_not_equal(block, previous);
        memset(block, i, (size_t)i * 3);
        previous = block;
    }
    fal_arena_free(&arena);
    assert_null(arena);
    fal_arena_free(&arena);
}

static void one_pass(fal_arena *arena)
{
    for (int i = 0; i < 40; i++)
        assert_non_null(fal_arena_alloc(arena, 10000, sizeof(float)));
}

static void test_second_pass_allocates_nothing(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    one_pass(arena);
    fal_arena_reset(arena);
    uint64_t before = fal_alloc_count();
    one_pass(arena);
    fal_arena_reset(arena);
    one_pass(arena);
    assert_int_equal(fal_alloc_count(), before);
    fal_arena_free(&arena);
}

static void test_release_gives_back_and_keeps_older_blocks(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    char *kept = fal_arena_alloc(arena, 100, 1);
    memset(kept, 7, 100);
    fal_arena_mark mark = fal_arena_save(arena);
    char *first = fal_arena_alloc(arena, 200, 1);
    one_pass(arena); /* several chunks */
    fal_arena_release(arena, mark);
    assert_ptr_equal(fal_arena_alloc(arena, 200, 1), first);
    uint64_t before = fal_alloc_count();
    one_pass(arena);
    assert_int_equal(fal_alloc_count(), before);
    for (int i = 0; i < 100; i++)
        assert_int_equal(kept[i], 7);
    fal_arena_free(&arena);
}

static void test_mark_of_an_empty_arena(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    fal_arena_mark mark = fal_arena_save(arena);
    one_pass(arena);
    fal_arena_release(arena, mark);
    one_pass(arena);
    assert_int_equal(fal_arena_peak(arena), 40 * 40000); /* 40000 is a multiple of 64 */
    fal_arena_free(&arena);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    char text[] = "a text";
    char *copy = fal_arena_strdup(arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "a text");
    assert_string_equal(fal_arena_strdup(arena, ""), "");
    fal_arena_free(&arena);
}

static void test_overflow_is_refused(void **state)
{
    (void)state;
    fal_arena *arena = fal_arena_create();
    assert_null(fal_arena_alloc(arena, SIZE_MAX / 2, 3));
    assert_null(fal_arena_alloc(arena, SIZE_MAX, 1));
    assert_non_null(fal_arena_alloc(arena, 1, 1));
    fal_arena_free(&arena);
}

static void test_survives_failed_allocations(void **state)
{
    (void)state;
#ifndef FAL_ALLOC_FAIL
    print_message("skipped: allocation failure is not injected in this build\n");
    skip();
#endif
    for (int k = 0; k < 12; k++) {
        fal_arena *arena = fal_arena_create();
        fal_alloc_fail_after(k);
        for (int i = 0; i < 40; i++)
            (void)fal_arena_alloc(arena, 10000, sizeof(float));
        fal_arena_reset(arena);
        fal_alloc_fail_after(-1);
        one_pass(arena);
        fal_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_apart),
        cmocka_unit_test(test_second_pass_allocates_nothing),
        cmocka_unit_test(test_release_gives_back_and_keeps_older_blocks),
        cmocka_unit_test(test_mark_of_an_empty_arena),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_overflow_is_refused),
        cmocka_unit_test(test_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
