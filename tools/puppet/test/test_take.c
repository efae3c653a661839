/* A shifted sound must be told from the right one by the lips alone: neither of its ends may be quieter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "puppet/forge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TAKES = 120 };
static const double seconds = 2, end_s = 0.25;

static double power(const pup_take *take, double from_s, double to_s)
{
    double sum = 0;
    size_t from = pup_sample_at(take, from_s), to = pup_sample_at(take, to_s);
    for (size_t i = from; i < to; i++)
        sum += (double)take->track[i] * take->track[i];
    return sum / (double)(to - from);
}

/* Of the quieter end, in dB of the whole. */
static double quieter_end(const pup_take *take)
{
    double ends = fmin(power(take, 0, end_s), power(take, seconds - end_s, seconds));
    return 10 * log10((ends + 1e-12) / power(take, 0, seconds));
}

static pup_take speak(const pup_clip *clip, double quiet_s)
{
    pup_take take = {0};
    fal_error err = {0};
    if (pup_take_make(clip, &clip->speaker.voice, seconds, quiet_s, &take, &err) != FAL_OK)
        fail_msg("%s", err.text);
    return take;
}

static pup_clip clip_of(uint64_t recording)
{
    return (pup_clip){.recording = recording,
                      .forgery = recording + 1000,
                      .method = PUP_SHIFT,
                      .speaker.voice = {.name = "en-us+f3", .rate_wpm = 160, .pitch = 50, .range = 50}};
}

static double auc(const double *fakes, const double *reals)
{
    double won = 0;
    for (int f = 0; f < TAKES; f++)
        for (int r = 0; r < TAKES; r++)
            won += (fakes[f] > reals[r]) + 0.5 * (fakes[f] == reals[r]);
    return won / (TAKES * TAKES);
}

static void test_shift_leaves_no_quiet(void **state)
{
    (void)state;
    double reals[TAKES], fakes[TAKES];
    for (int i = 0; i < TAKES; i++) {
        fal_error err = {0};
        pup_facts facts = {0};
        pup_retouch retouch = {0};
        pup_clip clip = clip_of((uint64_t)i + 1);
        pup_take take = speak(&clip, 0);
        reals[i] = -quieter_end(&take);
        assert_int_equal(pup_forge(&clip, &take, &facts, &retouch, &err), FAL_OK);
        fakes[i] = -quieter_end(&take);
        assert_true(fabs(facts.shift_s) >= 0.2);
        pup_take_free(&take);
    }
    double found = auc(fakes, reals);
    printf("AUC of the quieter end: %.3f, chance within 0.4 and 0.6\n", found);
    assert_true(found > 0.4 && found < 0.6);
}

/* Nothing before the quiet ends, then speech at once; words are those inside. */
static void test_quiet_start(void **state)
{
    (void)state;
    const double quiet_s = 0.25;
    const pup_clip clip = clip_of(7);
    pup_take take = speak(&clip, quiet_s);
    size_t last = take.words.count - 1;
    char text[200];
    for (size_t i = 0; i < pup_sample_at(&take, quiet_s); i++)
        assert_true(take.track[i] == 0);
    assert_true(power(&take, quiet_s, 2 * quiet_s) > 0.1 * power(&take, 0, seconds));
    assert_true(take.words.count > 0);
    assert_true(take.words.items[0].start_s >= quiet_s && take.words.items[last].end_s <= seconds);
    pup_take_quote(&take, 0, last, text, sizeof text);
    assert_true(strlen(text) > 0 && strlen(text) < take.text.length);
    assert_non_null(strstr(take.text.data, text));
    pup_take_free(&take);
}

static int begin(void **state)
{
    (void)state;
    fal_error err = {0};
    return pup_speech_start(&err) == FAL_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    pup_speech_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shift_leaves_no_quiet),
        cmocka_unit_test(test_quiet_start),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
