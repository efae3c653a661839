/* Help, wrong usage and exit codes of every command. */
#include "cli/program.h"
#include "support/test.h"

#include <string.h>

static const char *const commands[] = {"detect", "extract",   "train",  "calibrate", "eval", "compare",
                                       "audit",  "reproduce", "models", "encode",    "bench"};
static const char *const verbs[] = {"list", "info", "verify", "pull", "import", "init"};
static const char *const kinds[] = {"probe", "transformer", "ntp", "sync", "sup", "layers"};
enum { COMMANDS = sizeof commands / sizeof *commands, VERBS = sizeof verbs / sizeof *verbs };
enum { KINDS = sizeof kinds / sizeof *kinds, SCREEN_LINES = 40, SCREEN_COLUMNS = 120 };

static void check_fits_a_screen(const char *name, const char *text)
{
    size_t lines = 0, widest = 0;
    for (const char *at = text; *at; lines++) {
        size_t length = strcspn(at, "\n");
        widest = length > widest ? length : widest;
        at += length + (at[length] == '\n');
    }
    if (lines < 5 || lines > SCREEN_LINES || widest > SCREEN_COLUMNS)
        fail_msg("%s --help: %zu lines, widest %zu", name, lines, widest);
}

static void check_page(outcome o, const char *name)
{
    check_fits_a_screen(name, o.out);
    assert_string_equal(o.err, "");
    assert_non_null(strstr(o.out, "Example:\n  falsetto "));
    expect(o, 0, name, NULL);
}

static void test_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++)
        check_page(run(commands[i], "--help"), commands[i]);
    for (size_t i = 0; i < VERBS; i++)
        check_page(run("models", verbs[i], "--help"), verbs[i]);
    outcome o = run("--help");
    check_fits_a_screen("falsetto", o.out);
    for (size_t i = 0; i < COMMANDS; i++)
        assert_non_null(strstr(o.out, commands[i]));
    expect(o, 0, "Exit codes", NULL);
    expect(run("help"), 0, "Usage: falsetto COMMAND", NULL);
    expect(run("detect", "x.mp4", "-h"), 0, "Usage: falsetto detect", NULL);
}

/* A kind's page tells what only it has; the page of all kinds does not. */
static void test_help_of_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        outcome o = run("train", kinds[i], "--help");
        bool has_blocks = !strcmp(kinds[i], "transformer") || !strcmp(kinds[i], "ntp");
        assert_int_equal(strstr(o.out, "--ffn") != NULL, has_blocks);
        assert_int_equal(strstr(o.out, "--tau") != NULL, !strcmp(kinds[i], "sync"));
        assert_non_null(strstr(o.out, "--epochs"));
        check_page(o, "train");
    }
    outcome o = run("train", "--help");
    for (size_t i = 0; i < KINDS; i++)
        assert_non_null(strstr(o.out, kinds[i]));
    assert_null(strstr(o.out, "--ffn"));
    outcome_free(&o);
}

static void test_version(void **state)
{
    (void)state;
    expect(run("--version"), 0, "falsetto " FAL_VERSION " (", NULL);
}

static void test_no_command(void **state)
{
    (void)state;
    expect(run_arguments(NULL, (const char *const[]){NULL}), 2, NULL, "Usage: falsetto COMMAND");
    expect(run("dettect"), 2, NULL, "there is no command 'dettect'");
}

/* Wrong usage says what is wrong on stderr, nothing on stdout, and ends with 2 before any work. */
static void misuse(outcome o, const char *text)
{
    assert_string_equal(o.out, "");
    expect(o, 2, NULL, text);
}

static void test_wrong_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++)
        misuse(run(commands[i], "--no-such-option"), "there is no option --no-such-option");
    misuse(run("detect", "a.mp4", "-Z"), "there is no option -Z");
    misuse(run("detect", "a.mp4", "--plot"), "--plot needs a value");
    misuse(run("detect", "a.mp4", "--threads", "many"), "--threads: 'many' is not N");
    misuse(run("detect", "a.mp4", "--threads=-1"), "'-1' is not N");
    misuse(run("detect", "a.mp4", "--threads", "99999999999999999999"), "is not N");
    misuse(run("detect", "a.mp4", "--precision", "fp8"), "'fp8' is not fp32|bf16");
    misuse(run("detect", "a.mp4", "--json=yes"), "--json: 'yes'");
    misuse(run("train", "probe", "--lr", "fast"), "'fast' is not X");
    misuse(run("extract", "l.csv", "-o", "d", "--dtype", "f64"), "'f64' is not f32|f16");
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    misuse(run("detect"), "no clip given");
    misuse(run("detect", "a.mp4", "--encoder", "x"), "needs a --probe");
    misuse(run("detect", "a.mp4", "-e", "x", "-e", "y", "-p", "z"), "2 encoders and 1 probes");
    misuse(run("detect", "a.mp4", "b.mp4", "--plot", "x.svg"), "--plot draws one clip");
    misuse(run("extract"), "one list and -o are needed");
    misuse(run("extract", "l.csv"), "one list and -o are needed");
    misuse(run("train"), "'probe'");
    misuse(run("train", "forest"), "no kind 'forest'");
    misuse(run("train", "probe"), "--train, --val, --features and -o are needed");
    misuse(run("train", "probe", "--train", "a", "--val", "b", "--features", "c", "-o", "d", "--stream", "smell"),
           "'smell' is none of audio, video, av");
    misuse(run("eval"), "a list with --head and --features is needed, or --scores");
    misuse(run("models"), "list, info, verify, pull, import or init");
    misuse(run("models", "push", "x"), "list, info, verify, pull, import or init");
    misuse(run("models", "info"), "'info' takes 1 argument");
    misuse(run("models", "import", "x"), "'import' needs -o FILE");
    misuse(run("encode"), "one model and -o are needed");
    misuse(run("encode", "m", "-o", "x.npz", "--layers", "3,,4"), "--layers '3,,4'");
    misuse(run("encode", "m", "-o", "x.npz", "--stream", "smell"), "'smell' is none of");
}

/* "--" ends the options: a clip may be called --json. */
static void test_names_like_options(void **state)
{
    (void)state;
    expect(run("detect", "-q", "-e", fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model"), "-p", "absent.ckpt", "--",
               "--json"),
           1, NULL, "absent.ckpt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_help_of_kinds),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_no_command),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_names_like_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
