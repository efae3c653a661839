/* Isotonic calibration against a plain search, its limits, and its way through a file. */
#include "core/alloc.h"
#include "core/rng.h"
#include "head/head.h"
#include "support/alloc_fail.h"
#include "support/probe_file.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

enum { MOST = 3000, FRAMES = 10 };

typedef struct clips {
    double scores[MOST];
    int64_t frames[MOST];
    uint8_t labels[MOST];
    size_t count;
} clips;

/* P(fake) is a staircase of the score, which no sigmoid follows. */
static void draw(clips *c, size_t count, uint64_t seed)
{
    fal_rng rng = fal_rng_make(seed, 0);
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        const double x = 4 * fal_rng_uniform(&rng) - 2, p = x < -1 ? 0.05 : x < 1 ? 0.4 : 0.9;
        c->scores[i] = x + log(FRAMES);
        c->frames[i] = FRAMES;
        c->labels[i] = fal_rng_uniform(&rng) < p;
    }
}

static fal_calibration calibrate(const clips *c, fal_calibration_method method)
{
    fal_calibration out;
    fal_error err = {0};
    const fal_labelled_scores labelled = {c->scores, c->frames, c->labels, c->count};
    fal_check_ok(fal_calibrate(&labelled, method, &out, &err), &err);
    return out;
}

static double log_loss(const clips *c, const fal_calibration *calibration)
{
    double sum = 0;
    for (size_t i = 0; i < c->count; i++) {
        const double p = fal_head_probability(calibration, c->scores[i], c->frames[i]);
        sum -= log(c->labels[i] ? p : 1 - p);
    }
    return sum / (double)c->count;
}

static void test_follows_a_staircase(void **state)
{
    (void)state;
    static clips fitted, others;
    draw(&fitted, MOST, 1);
    draw(&others, MOST, 2);
    const fal_calibration platt = calibrate(&fitted, FAL_CALIBRATE_PLATT),
                          isotonic = calibrate(&fitted, FAL_CALIBRATE_ISOTONIC);
    assert_int_equal(platt.knot_count, 0);
    assert_in_range(isotonic.knot_count, 3, FAL_CALIBRATION_KNOTS);
    static const double at[] = {-1.5, 0, 1.5}, want[] = {0.05, 0.4, 0.9};
    for (int i = 0; i < 3; i++) {
        double p = fal_head_probability(&isotonic, at[i] + log(FRAMES), FRAMES);
        fal_check_close_f64("P on a step", &p, &want[i], 1, 0.06, 0); /* 3000 clips: standard errors up to 0.02 */
    }
    print_message("log-loss on other clips: platt %.4f, isotonic %.4f\n", log_loss(&others, &platt),
                  log_loss(&others, &isotonic));
    assert_true(log_loss(&others, &isotonic) < log_loss(&others, &platt) - 0.01);
}

/* min over rising functions by its formula: P_i = max over a <= i of min over b >= i of the mean of targets a..b. */
static double by_formula(const double *targets, size_t count, size_t i)
{
    double best = -INFINITY;
    for (size_t a = 0; a <= i; a++) {
        double least = INFINITY, sum = 0;
        for (size_t b = a; b < count; b++) {
            sum += targets[b];
            if (b >= i)
                least = fmin(least, sum / (double)(b - a + 1));
        }
        best = fmax(best, least);
    }
    return best;
}

static void test_is_the_nearest_rising_function(void **state)
{
    (void)state;
    enum { N = 60 };
    static clips c;
    double targets[N], got[N], want[N];
    size_t fakes = 0;
    fal_rng rng = fal_rng_make(5, 0);
    c.count = N;
    for (size_t i = 0; i < N; i++) {
        c.scores[i] = 0.1 * (double)i + log(FRAMES); /* in order */
        c.frames[i] = FRAMES;
        c.labels[i] = fal_rng_uniform(&rng) < (double)i / N;
        fakes += c.labels[i];
    }
    for (size_t i = 0; i < N; i++)
        targets[i] = fal_platt_target(c.labels[i], c.labels[i] ? fakes : N - fakes);
    const fal_calibration fit = calibrate(&c, FAL_CALIBRATE_ISOTONIC);
    for (size_t i = 0; i < N; i++) {
        got[i] = fal_head_probability(&fit, c.scores[i], FRAMES);
        want[i] = by_formula(targets, N, i);
    }
    fal_check_close_f64("pool adjacent violators", got, want, N, 1e-9, 0);
}

/* Whatever the data: P rises, stays between 0 and 1, and there are not too many knots. */
static void test_always_rises(void **state)
{
    (void)state;
    static clips c;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        draw(&c, 40 * seed, seed);
        for (size_t i = 0; seed % 3 == 0 && i < c.count; i++)
            c.scores[i] = round(4 * c.scores[i]) / 4; /* ties */
        for (size_t i = 0; seed % 4 == 0 && i < c.count; i++)
            c.labels[i] = (i * 7919) % 100 < 100 * (c.scores[i] + 1) / 6; /* many small pools */
        const fal_calibration fit = calibrate(&c, FAL_CALIBRATE_ISOTONIC);
        assert_true(fit.fitted && fit.knot_count >= 1 && fit.knot_count <= FAL_CALIBRATION_KNOTS);
        double before = 0;
        for (double s = -20; s < 20; s += 0.01) {
            double p = fal_head_probability(&fit, s, FRAMES);
            assert_true(p >= before && p > 0 && p < 1);
            before = p;
        }
    }
}

static void test_survives_a_file(void **state)
{
    (void)state;
    static clips c;
    fal_head *head = NULL, *again = NULL;
    fal_error err = {0};
    const float values[] = {0.5f, -0.5f, 0.25f};
    const char *path = fal_temp_path("plain.safetensors"), *saved = fal_temp_path("calibrated.safetensors");
    const fal_probe probe = {.dim = 3, .weight = values, .bias = 0.1f};
    fal_check_ok(
        fal_probe_save(path, &probe, &(fal_head_training){.stream = FAL_STREAM_AUDIO, .encoder = "some"}, NULL, &err),
        &err);
    draw(&c, 800, 3);
    const fal_calibration fit = calibrate(&c, FAL_CALIBRATE_ISOTONIC);
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    fal_check_ok(fal_head_write(head, (fal_metadata[]){{"falsetto.train.clips", "17"}}, 1, path, &err), &err);
    fal_head_free(&head);
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    head->about.calibration = fit;
    fal_check_ok(fal_head_write(head, NULL, 0, saved, &err), &err);
    fal_check_ok(fal_head_open(saved, NULL, &again, &err), &err);
    const fal_head_description *about = fal_head_describe(again);
    assert_int_equal(about->calibration.knot_count, fit.knot_count);
    assert_memory_equal(about->calibration.knot_x, fit.knot_x, (size_t)fit.knot_count * sizeof *fit.knot_x);
    assert_memory_equal(about->calibration.knot_p, fit.knot_p, (size_t)fit.knot_count * sizeof *fit.knot_p);
    assert_string_equal(about->encoder, "some");
    bool kept = false; /* what its training wrote */
    for (int i = 0; i < FAL_HEAD_FACTS; i++)
        kept |= again->facts[i] && !strcmp(again->facts[i], "17");
    assert_true(kept);
    fal_head_free(&head);
    fal_head_free(&again);
}

static void test_damaged_knots(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "7",          "[1]",           "[[0]]",         "[[0,2]]",
                                        "[[0,-1]]",  "[[0,null]]", "[[1,0],[0,1]]", "[[0,1],[1,0]]", "[[1e999,0.5]]",
                                        "{\"a\":[]}"};
    const fal_named_tensor tensors[] = {{"head.weight", fal_tensor_f32((float[]){1, 2}, 2, (int64_t[]){1, 2})}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fal_head *head = NULL;
        fal_error err = {0};
        const char *path = fal_temp_path("knots.safetensors");
        const fal_metadata knots = {"falsetto.calibration.knots", texts[i]};
        fal_check_ok(fal_safetensors_write(path, tensors, 1, FAL_F32, &knots, 1, &err), &err);
        fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "falsetto.calibration.knots", &err);
    }
}

static fal_status calibrate_again(void *user, fal_error *err)
{
    const clips *c = user;
    fal_calibration out;
    const fal_labelled_scores labelled = {c->scores, c->frames, c->labels, c->count};
    return fal_calibrate(&labelled, FAL_CALIBRATE_ISOTONIC, &out, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    static clips c;
    draw(&c, 100, 4);
    fal_check_alloc_failures("isotonic", calibrate_again, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_a_staircase), cmocka_unit_test(test_is_the_nearest_rising_function),
        cmocka_unit_test(test_always_rises),        cmocka_unit_test(test_survives_a_file),
        cmocka_unit_test(test_damaged_knots),       cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
