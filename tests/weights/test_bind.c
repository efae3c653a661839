#include "support/alloc_fail.h"
#include "support/test.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "weights/bind.h"
#include "weights/safetensors_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct toy {
    fal_tensor w, b, extra;
} toy;

static const fal_weight_row rows[] = {
    {FAL_FIELD(toy, w), "fc.weight|linear.weight", "3D D", FAL_INIT_FAN_IN(1)},
    {FAL_FIELD(toy, b), "fc.bias|linear.bias", "3D", FAL_INIT_FAN_IN_OF(1, "D")},
    {FAL_FIELD(toy, extra), "?gamma", "_", FAL_INIT_NONE},
};

/* ---- files to bind ---- */

typedef struct entry {
    const char *name;
    int rank;
    int64_t shape[4];
} entry;

static fal_checkpoint *make_file(const char *file, const entry *entries, size_t count)
{
    static float values[64];
    fal_named_tensor tensors[16];
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    for (size_t i = 0; i < 64; i++)
        values[i] = (float)i;
    for (size_t i = 0; i < count; i++)
        tensors[i] = (fal_named_tensor){entries[i].name, fal_tensor_f32(values, entries[i].rank, entries[i].shape)};
    fal_check_ok(fal_safetensors_write(fal_temp_path("%s", file), tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_check_ok(fal_checkpoint_open(fal_temp_path("%s", file), NULL, &ckpt, &err), &err);
    return ckpt;
}

static fal_bind *open_bind(const fal_checkpoint *ckpt, const char *prefix)
{
    fal_bind *bind = NULL;
    fal_error err = {0};
    fal_check_ok(fal_bind_open(ckpt, prefix, &bind, &err), &err);
    return bind;
}

static void test_spellings_prefix_and_groups(void **state)
{
    (void)state;
    static const entry entries[] = {
        {"net.blocks.0.linear.weight", 2, {6, 2}}, {"net.blocks.0.linear.bias", 1, {6}},
        {"net.blocks.1.fc.weight", 2, {6, 2}},     {"net.blocks.1.fc.bias", 1, {6}},
        {"net.blocks.1.gamma", 1, {5}},            {"net.quantizer.x", 1, {1}},
        {"other.thing", 1, {1}},
    };
    static const char *const ignored[] = {"quantizer.*", NULL};
    fal_checkpoint *ckpt = make_file("good.safetensors", entries, FAL_COUNT(entries));
    fal_bind *bind = open_bind(ckpt, "net.");
    fal_error err = {0};
    toy layers[2];
    assert_int_equal(fal_bind_count(bind, "blocks.%d."), 2);
    assert_int_equal(fal_bind_count(bind, "layers.%d."), 0);
    assert_non_null(fal_bind_peek(bind, "blocks.0.fc.weight|blocks.0.linear.weight"));
    assert_null(fal_bind_peek(bind, "thing"));
    assert_int_equal(fal_bind_get_dim(bind, 'D'), 0);
    fal_bind_rows(bind, "layers.0.|blocks.0.", rows, FAL_COUNT(rows), &layers[0]);
    assert_int_equal(fal_bind_get_dim(bind, 'D'), 2);
    fal_bind_rows(bind, "layers.1.|blocks.1.", rows, FAL_COUNT(rows), &layers[1]);
    fal_check_ok(fal_bind_finish(bind, ignored, &err), &err);
    assert_null(layers[0].extra.data);
    assert_non_null(layers[1].extra.data);
    assert_true(((const float *)layers[1].b.data)[5] == 5);
    assert_int_equal(fal_bind_bound_count(bind), 5);
    assert_string_equal(fal_bind_bound_at(bind, 0)->name, "layers.0.fc.weight");
    assert_null(fal_bind_bound_at(bind, 5));
    assert_false(fal_bind_is_random(bind));
    fal_bind_free(&bind);
    assert_null(bind);
    fal_checkpoint_free(&ckpt);
}

static void check_report(const entry *entries, size_t count, const char *want)
{
    fal_checkpoint *ckpt = make_file("model.safetensors", entries, count);
    fal_bind *bind = open_bind(ckpt, "");
    fal_error err = {0};
    toy target;
    fal_bind_rows(bind, "a.", rows, FAL_COUNT(rows), &target);
    assert_int_equal(fal_bind_finish(bind, NULL, &err), FAL_ERR_FORMAT);
    assert_string_equal(err.text, want);
    fal_bind_free(&bind);
    fal_checkpoint_free(&ckpt);
}

static void test_reports(void **state)
{
    (void)state;
    check_report((entry[]){{"a.fc.weight", 2, {6, 2}}}, 1,
                 "model.safetensors: 1 tensor missing: a.fc.bias; part of a model, or one of another kind: `falsetto "
                 "models info` shows what is there");
    check_report((entry[]){{"a.fc.weight", 2, {6, 2}}, {"a.fc.bias", 1, {7}}}, 2,
                 "model.safetensors: 1 tensor with the wrong shape: a.fc.bias is [7], expected [6]");
    check_report((entry[]){{"a.fc.weight", 2, {7, 2}}, {"a.fc.bias", 1, {6}}}, 2,
                 "model.safetensors: 1 tensor with the wrong shape: a.fc.weight is [7,2], expected [3D,D]");
    check_report((entry[]){{"a.fc.weight", 1, {6}}, {"a.x", 1, {1}}, {"y", 1, {1}}}, 3,
                 "model.safetensors: 1 tensor missing: a.fc.bias; 1 with the wrong shape: a.fc.weight is [6], expected "
                 "[3D,D]; 2 not recognised: a.x, y; part of a model, or one of another kind: `falsetto models info` "
                 "shows what is there");
    /* An empty tensor must not pass for one whose dimension the next tensor tells. */
    check_report((entry[]){{"a.fc.weight", 2, {0, 0}}, {"a.fc.bias", 1, {6}}}, 2,
                 "model.safetensors: 1 tensor with the wrong shape: a.fc.weight is [0,0], expected [3D,D]");
    check_report((entry[]){{"a.fc.weight", 2, {6, 2}}, {"a.fc.bias", 1, {6}}, {"a.gamma", 1, {0}}}, 3,
                 "model.safetensors: 1 tensor with the wrong shape: a.gamma is [0], expected [_]");
}

static void test_long_report(void **state)
{
    (void)state;
    static const fal_weight_row row = {0, "weight", "2", FAL_INIT_ZERO};
    fal_checkpoint *ckpt = make_file("small.safetensors", (entry[]){{"x", 1, {1}}}, 1);
    fal_bind *bind = open_bind(ckpt, "");
    fal_error err = {0};
    fal_tensor target;
    char group[32];
    for (int i = 0; i < 40; i++) {
        snprintf(group, sizeof group, "l%d.", i);
        fal_bind_rows(bind, group, &row, 1, &target);
    }
    assert_int_equal(fal_bind_finish(bind, NULL, &err), FAL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "40 tensors missing: l0.weight, "));
    assert_non_null(strstr(err.text, "l11.weight and 28 more; 1 not recognised: x"));
    fal_bind_free(&bind);
    fal_checkpoint_free(&ckpt);
}

/* ---- drawing ---- */

enum { SEED = 7 };

static void draw_double(const fal_bind *bind, const char *name, const fal_tensor *shape, uint64_t seed, float *out)
{
    const fal_tensor *other = fal_bind_peek(bind, "m.normal");
    assert_string_equal(name, "m.family");
    assert_int_equal(seed, SEED);
    assert_non_null(other);
    for (int64_t i = 0; i < fal_tensor_count(shape); i++)
        out[i] = 2 * ((const float *)other->data)[i];
}

typedef struct drawn {
    fal_tensor family, normal, uniform, uniform01, constant, fan_in, fan_of, he, xavier, none;
} drawn;

static const fal_weight_row drawn_rows[] = {
    {FAL_FIELD(drawn, family), "family", "N N", FAL_INIT_FAMILY}, /* before what it looks at */
    {FAL_FIELD(drawn, normal), "normal", "N N", FAL_INIT_NORMAL(0.5)},
    {FAL_FIELD(drawn, uniform), "uniform", "N N", FAL_INIT_UNIFORM(3)},
    {FAL_FIELD(drawn, uniform01), "uniform01", "N N", FAL_INIT_UNIFORM01},
    {FAL_FIELD(drawn, constant), "constant", "7", FAL_INIT_CONST(0.25)},
    {FAL_FIELD(drawn, fan_in), "fan_in", "N 4 9", FAL_INIT_FAN_IN(1)},
    {FAL_FIELD(drawn, fan_of), "fan_of", "N", FAL_INIT_FAN_IN_OF(1, "4 9")},
    {FAL_FIELD(drawn, he), "he", "50 N 2 2", FAL_INIT_HE_FAN_OUT},
    {FAL_FIELD(drawn, xavier), "xavier", "N 150", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(drawn, none), "?none", "N", FAL_INIT_NONE},
};

static fal_bind *draw_all(int threads, drawn *out)
{
    fal_bind *bind = NULL;
    fal_error err = {0};
    fal_check_ok(fal_bind_random(SEED, draw_double, threads, &bind, &err), &err);
    fal_bind_dim(bind, 'N', 450);
    fal_bind_rows(bind, "m.|old.", drawn_rows, FAL_COUNT(drawn_rows), out);
    fal_check_ok(fal_bind_finish(bind, NULL, &err), &err);
    return bind;
}

static void check_spread(const char *name, const fal_tensor *t, double low, double high, double std)
{
    const float *v = t->data;
    int64_t n = fal_tensor_count(t);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        if (v[i] < low || v[i] >= high)
            fail_msg("%s[%lld] is %g, want [%g, %g)", name, (long long)i, (double)v[i], low, high);
        sum += v[i];
        squares += (double)v[i] * v[i];
    }
    double mean = sum / (double)n, got = sqrt(squares / (double)n - mean * mean);
    if (fabs(got / std - 1) > 0.1)
        fail_msg("%s has standard deviation %g, want %g", name, got, std);
}

static void check_uniform(const char *name, const fal_tensor *t, double half_width)
{
    /* The half width is rounded to float32 before it is used. */
    check_spread(name, t, -half_width * (1 + 1e-6), half_width * (1 + 1e-6), half_width / sqrt(3));
}

static void test_distributions(void **state)
{
    (void)state;
    drawn d;
    fal_bind *bind = draw_all(1, &d);
    check_spread("normal", &d.normal, -4, 4, 0.5);
    check_uniform("uniform", &d.uniform, 3);
    check_spread("uniform01", &d.uniform01, 0, 1, 1 / sqrt(12));
    check_uniform("fan_in", &d.fan_in, 1 / sqrt(36));
    check_uniform("fan_of", &d.fan_of, 1 / sqrt(36));
    check_spread("he", &d.he, -2, 2, sqrt(2.0 / (50 * 4)));
    check_uniform("xavier", &d.xavier, sqrt(6.0 / 600));
    for (int i = 0; i < 7; i++)
        assert_true(((const float *)d.constant.data)[i] == 0.25f);
    for (int i = 0; i < 450 * 450; i++)
        assert_true(((const float *)d.family.data)[i] == 2 * ((const float *)d.normal.data)[i]);
    assert_null(d.none.data);
    assert_true(fal_bind_is_random(bind));
    assert_string_equal(fal_bind_bound_at(bind, 1)->name, "m.normal");
    fal_bind_free(&bind);
}

/* Model files made from a seed must stay reproducible: the stream of a tensor is that of its canonical name. */
static void test_values_are_fixed(void **state)
{
    (void)state;
    drawn one, two;
    fal_bind *a = draw_all(1, &one), *b = draw_all(3, &two);
    size_t n = (size_t)fal_tensor_count(&one.normal);
    float *want = fal_malloc_array(n, sizeof *want);
    assert_non_null(want);
    fal_rng_fill_normal(SEED, fal_rng_stream("m.normal"), 0, 0, 0.5f, want, n);
    fal_check_close("one thread", one.normal.data, want, n, 0, 0);
    fal_check_close("three threads", two.normal.data, want, n, 0, 0);
    fal_check_close("he, three threads", two.he.data, one.he.data, (size_t)fal_tensor_count(&one.he), 0, 0);
    fal_free(want);
    fal_bind_free(&a);
    fal_bind_free(&b);
}

static void test_unknown_dimension(void **state)
{
    (void)state;
    fal_bind *bind = NULL;
    fal_error err = {0};
    toy target;
    fal_check_ok(fal_bind_random(1, NULL, 1, &bind, &err), &err);
    fal_bind_rows(bind, "", rows, FAL_COUNT(rows), &target);
    fal_check_fails(fal_bind_finish(bind, NULL, &err), FAL_ERR_FORMAT, "fc.weight [3D,D] is not fully known", &err);
    fal_bind_free(&bind);
}

/* ---- failing allocations ---- */

static fal_status draw_case(void *user, fal_error *err)
{
    fal_bind *bind = NULL;
    toy target;
    (void)user;
    fal_status st = fal_bind_random(1, NULL, 1, &bind, err);
    if (st == FAL_OK) {
        fal_bind_dim(bind, 'D', 4);
        fal_bind_rows(bind, "x.", rows, FAL_COUNT(rows), &target);
        st = fal_bind_finish(bind, NULL, err);
    }
    fal_bind_free(&bind);
    return st;
}

static fal_status bind_case(void *user, fal_error *err)
{
    fal_bind *bind = NULL;
    toy target;
    fal_status st = fal_bind_open(user, "", &bind, err);
    if (st == FAL_OK) {
        fal_bind_rows(bind, "", rows, FAL_COUNT(rows), &target);
        st = fal_bind_finish(bind, NULL, err);
    }
    fal_bind_free(&bind);
    return st;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static const entry entries[] = {{"fc.weight", 2, {6, 2}}, {"fc.bias", 1, {6}}};
    fal_checkpoint *ckpt = make_file("alloc.safetensors", entries, FAL_COUNT(entries));
    fal_check_alloc_failures("bind from a seed", draw_case, NULL);
    fal_check_alloc_failures("bind from a file", bind_case, ckpt);
    fal_checkpoint_free(&ckpt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_prefix_and_groups),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_long_report),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_values_are_fixed),
        cmocka_unit_test(test_unknown_dimension),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
