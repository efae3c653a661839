#include "support/test.h"
#include "support/alloc_fail.h"

#include "core/thread.h"

#include <sched.h>
#include <stdatomic.h>

enum { ITEMS = 1000, THREADS = 4 };

typedef struct work {
    atomic_int done[ITEMS];
    atomic_int inside[THREADS]; /* calls running under each worker number */
    atomic_int bad_worker;
    size_t stop_at;
} work;

static bool do_item(void *user, int worker, size_t item)
{
    work *w = user;
    if (worker < 0 || worker >= THREADS || atomic_fetch_add(&w->inside[worker], 1) != 0)
        atomic_store(&w->bad_worker, 1);
    atomic_fetch_add(&w->done[item], 1);
    sched_yield();
    atomic_fetch_sub(&w->inside[worker], 1);
    return item != w->stop_at;
}

static void test_every_item_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= THREADS; threads++) {
        work w = {.stop_at = ITEMS};
        fal_error err = {0};
        fal_check_ok(fal_parallel_for(threads, ITEMS, do_item, &w, &err), &err);
        assert_int_equal(w.bad_worker, 0);
        for (int i = 0; i < ITEMS; i++)
            assert_int_equal(w.done[i], 1);
    }
}

static void test_false_stops(void **state)
{
    (void)state;
    work w = {.stop_at = 10};
    fal_error err = {0};
    fal_check_ok(fal_parallel_for(1, ITEMS, do_item, &w, &err), &err);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(w.done[i], i <= 10);
    work many = {.stop_at = 0};
    fal_check_ok(fal_parallel_for(THREADS, ITEMS, do_item, &many, &err), &err);
    assert_int_equal(many.done[ITEMS - 1], 0);
}

static void test_edges(void **state)
{
    (void)state;
    work w = {.stop_at = ITEMS};
    fal_error err = {0};
    fal_check_ok(fal_parallel_for(THREADS, 0, do_item, &w, &err), &err);
    fal_check_ok(fal_parallel_for(1000, 2, do_item, &w, &err), &err);
    assert_int_equal(w.done[0] + w.done[1] + w.done[2], 2);
    fal_check_fails(fal_parallel_for(0, 2, do_item, &w, &err), FAL_ERR_ARGUMENT, "0", &err);
    assert_true(fal_cpu_count() >= 1);
}

static fal_status run_few(void *user, fal_error *err)
{
    return fal_parallel_for(2, 3, do_item, user, err);
}

static void test_allocation_failure(void **state)
{
    (void)state;
    work w = {.stop_at = ITEMS};
    fal_check_alloc_failures("parallel for", run_few, &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_false_stops),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
