#include "support/test.h"

#include "weights/pickle.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A pickle written out as a C string; the arena of the latest one lives until the next. */
static fal_arena *arena;

static fal_status parse(const char *bytes, size_t size, fal_pickle *out, fal_error *err)
{
    fal_arena_free(&arena);
    arena = fal_arena_create();
    assert_non_null(arena);
    *out = (fal_pickle){.origin = "test", .arena = arena};
    return fal_pickle_read((const uint8_t *)bytes, size, out, err);
}

static const fal_value *read_all(const char *bytes, size_t size)
{
    fal_pickle pickle;
    fal_error err = {0};
    fal_check_ok(parse(bytes, size, &pickle, &err), &err);
    assert_int_equal(pickle.consumed, size);
    return pickle.object;
}

#define READ(text) read_all((text), sizeof(text) - 1)
#define FAILS(text, status, part)                                                             \
    do {                                                                                      \
        fal_pickle p_;                                                                        \
        fal_error e_ = {0};                                                                   \
        fal_check_fails(parse((text), sizeof(text) - 1, &p_, &e_), (status), (part), &e_);    \
    } while (0)

static void check_real(const fal_value *value, double want)
{
    double got = fal_value_real(value, NAN);
    if (fal_value_type(value) != FAL_VALUE_REAL || got != want)
        fail_msg("got %.17g, want %.17g", got, want);
}

static void test_integers(void **state)
{
    (void)state;
    assert_int_equal(fal_value_int(READ("K\xff."), 0), 255);
    assert_int_equal(fal_value_int(READ("M\x01\x02."), 0), 0x201);
    assert_int_equal(fal_value_int(READ("J\xfe\xff\xff\xff."), 0), -2);
    assert_int_equal(fal_value_int(READ("\x8a\x00."), 7), 0);
    assert_int_equal(fal_value_int(READ("\x8a\x01\xff."), 0), -1);
    assert_int_equal(fal_value_int(READ("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), 0), INT64_MAX);
    assert_int_equal(fal_value_int(READ("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), 0), INT64_MIN);
    assert_int_equal(fal_value_int(READ("\x8b\x02\x00\x00\x00\x01\x01."), 0), 0x101);
    assert_int_equal(fal_value_int(READ("I-42\n."), 0), -42);
    assert_int_equal(fal_value_int(READ("L9223372036854775807L\n."), 0), INT64_MAX);
    assert_int_equal(fal_value_type(READ("I01\n.")), FAL_VALUE_BOOL);
    assert_true(fal_value_bool(READ("I01\n."), false));
    assert_false(fal_value_bool(READ("I00\n."), true));
    /* 2^64 and -2^71: beyond an integer of ours. */
    check_real(READ("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."), 0x1p64);
    check_real(READ("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x80."), -0x1p71);
    check_real(READ("L18446744073709551616L\n."), 0x1p64);
    FAILS("I\n.", FAL_ERR_FORMAT, "a number");
    FAILS("I12x\n.", FAL_ERR_FORMAT, "no number");
    FAILS("I12", FAL_ERR_FORMAT, "no end");
    FAILS("\x8b\xff\xff\xff\xff.", FAL_ERR_FORMAT, "wants 4294967295 bytes");
}

static void test_reals_and_constants(void **state)
{
    (void)state;
    check_real(READ("G\x3f\xf8\x00\x00\x00\x00\x00\x00."), 1.5);
    check_real(READ("F-0.25\n."), -0.25);
    check_real(READ("Finf\n."), INFINITY);
    assert_int_equal(fal_value_type(READ("N.")), FAL_VALUE_NONE);
    assert_true(fal_value_bool(READ("\x88."), false));
    assert_false(fal_value_bool(READ("\x89."), true));
    assert_int_equal(fal_value_int(READ("G\x40\x08\x00\x00\x00\x00\x00\x00."), 0), 3);
    assert_int_equal(fal_value_int(READ("G\x3f\xf8\x00\x00\x00\x00\x00\x00."), 9), 9);
    assert_int_equal(fal_value_int(READ("G\x7f\xf0\x00\x00\x00\x00\x00\x00."), 9), 9);
}

static void check_text(const fal_value *value, const char *want)
{
    assert_string_equal(fal_value_string(value, "not text"), want);
}

static void test_text(void **state)
{
    (void)state;
    check_text(READ("X\x03\x00\x00\x00" "abc."), "abc");
    check_text(READ("\x8c\x02hi."), "hi");
    check_text(READ("\x8d\x01\x00\x00\x00\x00\x00\x00\x00z."), "z");
    check_text(READ("U\x02hi."), "hi");
    check_text(READ("T\x02\x00\x00\x00hi."), "hi");
    check_text(READ("S'it\\'s\\n\\x41'\n."), "it's\nA");
    check_text(READ("S\"a\\\\b\"\n."), "a\\b");
    check_text(READ("V\\u00e9\xe9\\U0001f600\n."), "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80");
    check_text(READ("Va\\q\\u12\n."), "a\\q\\u12");
    FAILS("S'open\n.", FAL_ERR_FORMAT, "without quotes");
    FAILS("X\xff\xff\xff\xff" "abc.", FAL_ERR_FORMAT, "wants 4294967295 bytes, 4 are left");
    FAILS("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "abc.", FAL_ERR_FORMAT, "wants 18446744073709551615 bytes");
}

static void test_bytes(void **state)
{
    (void)state;
    assert_int_equal(fal_value_type(READ("C\x02\x00\xff.")), FAL_VALUE_BYTES);
    assert_int_equal(fal_value_type(READ("B\x01\x00\x00\x00z.")), FAL_VALUE_BYTES);
    assert_int_equal(fal_value_type(READ("\x8e\x01\x00\x00\x00\x00\x00\x00\x00z.")), FAL_VALUE_BYTES);
    assert_int_equal(fal_value_type(READ("\x96\x01\x00\x00\x00\x00\x00\x00\x00z.")), FAL_VALUE_BYTES);
    const fal_value *encoded = READ("c_codecs\nencode\nX\x03\x00\x00\x00" "A\xc3\xbfX\x06\x00\x00\x00latin1\x86R.");
    assert_int_equal(fal_value_type(encoded), FAL_VALUE_BYTES);
    assert_int_equal(encoded->u.string.length, 2);
    assert_memory_equal(encoded->u.string.text, "A\xff", 3);
}

static void test_containers(void **state)
{
    (void)state;
    const fal_value *v = READ("](K\x01K\x02" "eK\x03" "a.");
    assert_int_equal(fal_value_count(v), 3);
    assert_int_equal(fal_value_int(fal_value_at(v, 2), 0), 3);
    assert_null(fal_value_at(v, 3));
    assert_int_equal(fal_value_count(READ(").")), 0);
    assert_int_equal(fal_value_count(READ("K\x01\x85.")), 1);
    assert_int_equal(fal_value_int(fal_value_at(READ("K\x01K\x02K\x03\x87."), 0), 0), 1);
    assert_int_equal(fal_value_count(READ("(K\x01K\x02K\x03K\x04t.")), 4);
    assert_int_equal(fal_value_count(READ("(K\x01l.")), 1);
    assert_int_equal(fal_value_count(READ("\x8f(K\x01K\x02\x90.")), 2);
    assert_int_equal(fal_value_count(READ("(K\x01\x91.")), 1);
    v = READ("}(X\x01\x00\x00\x00" "aK\x01K\x05K\x02uX\x01\x00\x00\x00" "aK\x09s.");
    assert_int_equal(fal_value_count(v), 3);
    assert_int_equal(fal_value_int(fal_value_get(v, "a"), 0), 9); /* assigned twice: the later one */
    assert_int_equal(fal_value_int(fal_value_key_at(v, 1), 0), 5);
    assert_int_equal(fal_value_int(fal_value_item_at(v, 1), 0), 2);
    assert_int_equal(fal_value_count(READ("(X\x01\x00\x00\x00" "aK\x01" "d.")), 1);
    assert_int_equal(fal_value_int(READ("K\x01K\x02" "0."), 0), 1);
    assert_int_equal(fal_value_int(READ("K\x01(K\x02K\x03" "1."), 0), 1);
    assert_int_equal(fal_value_count(READ("K\x01" "2\x86.")), 2);
}

static void test_memo(void **state)
{
    (void)state;
    assert_int_equal(fal_value_int(READ("K\x07q\x00" "0h\x00."), 0), 7);
    assert_int_equal(fal_value_int(READ("K\x07p0\n0g0\n."), 0), 7);
    assert_int_equal(fal_value_int(READ("K\x07r\x00\x00\x00\x00" "0j\x00\x00\x00\x00."), 0), 7);
    assert_int_equal(fal_value_int(READ("K\x07\x94" "0h\x00."), 0), 7);
    FAILS("h\x00.", FAL_ERR_FORMAT, "never made");
    FAILS("Nr\xff\xff\xff\xff.", FAL_ERR_FORMAT, "out of sequence");
    FAILS("Npx\n.", FAL_ERR_FORMAT, "not a number");
}

static void test_cycles(void **state)
{
    (void)state;
    const fal_value *list = READ("]q\x00h\x00" "a.");
    assert_ptr_equal(fal_value_at(list, 0), list);
    /* An OmegaConf node that stands for itself. */
    const fal_value *node = READ("comegaconf.nodes\nAnyNode\n)\x81q\x00}X\x04\x00\x00\x00_valh\x00sb.");
    assert_int_equal(fal_value_type(node), FAL_VALUE_NONE);
    assert_int_equal(fal_value_int(node, 3), 3);
    assert_null(fal_value_get(node, "x"));
}

static void test_objects(void **state)
{
    (void)state;
    const fal_value *v = READ("cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrG\x3f\xe0\x00\x00\x00\x00\x00\x00sb.");
    assert_string_equal(fal_value_class(v), "argparse.Namespace");
    check_real(fal_value_get(v, "lr"), 0.5);
    v = READ("\x8c\x02m1\x8c\x01" "C\x93(K\x01K\x02t}\x92."); /* STACK_GLOBAL, NEWOBJ_EX */
    assert_string_equal(fal_value_class(v), "m1.C");
    v = READ("(cm\nC\nK\x01o.");
    assert_string_equal(fal_value_class(v), "m.C");
    v = READ("(K\x01im\nC\n.");
    assert_string_equal(fal_value_class(v), "m.C");
    v = READ("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR}X\x01\x00\x00\x00xK\x05sb.");
    assert_string_equal(fal_value_class(v), "m.C");
    assert_int_equal(fal_value_int(fal_value_get(v, "x"), 0), 5);
    /* State with slots, and an instance of a dict subclass. */
    v = READ("cm\nC\n)\x81N}X\x01\x00\x00\x00xK\x05s\x86" "b.");
    assert_int_equal(fal_value_int(fal_value_get(v, "x"), 0), 5);
    v = READ("cm\nD\n)\x81X\x01\x00\x00\x00xK\x06s.");
    assert_int_equal(fal_value_int(fal_value_get(v, "x"), 0), 6);
    v = READ("cm\nColour\nX\x03\x00\x00\x00red\x85R."); /* an enum member */
    check_text(v, "red");
    FAILS("K\x01)R.", FAL_ERR_FORMAT, "not a class or function");
    FAILS("cm\nC\nK\x01R.", FAL_ERR_FORMAT, "not a tuple");
    FAILS("cm\nC\nK\x01" "a.", FAL_ERR_FORMAT, "not a list");
    FAILS("(o.", FAL_ERR_FORMAT, "without a class");
    FAILS("c\0m\nC\n.", FAL_ERR_FORMAT, "NUL");
}

static void test_known_classes(void **state)
{
    (void)state;
    const fal_value *v = READ("ccollections\nOrderedDict\n)RX\x01\x00\x00\x00xK\x05s}X\x09\x00\x00\x00_metadata}sb.");
    assert_int_equal(fal_value_type(v), FAL_VALUE_DICT);
    assert_int_equal(fal_value_int(fal_value_get(v, "x"), 0), 5);
    v = READ("ccollections\nOrderedDict\n]]X\x01\x00\x00\x00xaK\x05" "aa\x85R."); /* as Python 2 did */
    assert_int_equal(fal_value_int(fal_value_get(v, "x"), 0), 5);
    v = READ("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RX\x01\x00\x00\x00xK\x05s.");
    assert_int_equal(fal_value_count(v), 1);
    assert_int_equal(fal_value_count(READ("c__builtin__\nset\n](K\x01K\x02" "e\x85R.")), 2);
    assert_int_equal(fal_value_count(READ("ctorch\nSize\nK\x01K\x02\x86\x85R.")), 2);
    FAILS("ccollections\nOrderedDict\n]K\x05" "a\x85R.", FAL_ERR_FORMAT, "not pairs");
}

static void test_omegaconf(void **state)
{
    (void)state;
    const fal_value *v = READ("comegaconf.dictconfig\nDictConfig\n)\x81q\x00}(X\x08\x00\x00\x00_content}"
                              "X\x06\x00\x00\x00layers" "comegaconf.nodes\nAnyNode\n)\x81}"
                              "(X\x07\x00\x00\x00_parenth\x00X\x04\x00\x00\x00_valK\x18ubs"
                              "X\x07\x00\x00\x00_parentNub.");
    assert_string_equal(fal_value_class(v), "omegaconf.dictconfig.DictConfig");
    assert_int_equal(fal_value_type(v), FAL_VALUE_DICT);
    assert_int_equal(fal_value_count(v), 1);
    assert_int_equal(fal_value_int(fal_value_get(v, "layers"), 0), 24);
    assert_int_equal(fal_value_int(fal_value_path(v, "layers"), 0), 24);
}

static void test_class_list(void **state)
{
    (void)state;
    static const char bytes[] = "(cb\nB\nca\nA\ncb\nB\ncc\nC\nt.";
    fal_pickle pickle;
    fal_error err = {0};
    fal_check_ok(parse(bytes, sizeof bytes - 1, &pickle, &err), &err);
    assert_int_equal(pickle.class_count, 3);
    assert_string_equal(pickle.classes[0], "b.B");
    assert_string_equal(pickle.classes[1], "a.A");
    assert_string_equal(pickle.classes[2], "c.C");
}

static void test_damage(void **state)
{
    (void)state;
    FAILS("", FAL_ERR_FORMAT, "ends before its STOP");
    FAILS("N", FAL_ERR_FORMAT, "ends before its STOP");
    FAILS(".", FAL_ERR_FORMAT, "stack is empty");
    FAILS("R.", FAL_ERR_FORMAT, "stack is empty");
    FAILS("t.", FAL_ERR_FORMAT, "no mark");
    FAILS("K\x01(\x85.", FAL_ERR_FORMAT, "stack is empty"); /* reaches below the mark */
    FAILS("}(K\x01u.", FAL_ERR_FORMAT, "without an item");
    FAILS("(K\x01" "d.", FAL_ERR_FORMAT, "without an item");
    FAILS("K\x01K\x02" "a.", FAL_ERR_FORMAT, "not a list");
    FAILS("]K\x02K\x02s.", FAL_ERR_FORMAT, "not a dict");
    FAILS("z.", FAL_ERR_FORMAT, "no opcode");
    FAILS("\x80\x06N.", FAL_ERR_UNSUPPORTED, "protocol 6");
    FAILS("\x82\x01.", FAL_ERR_UNSUPPORTED, "extension codes");
    FAILS("\x97.", FAL_ERR_UNSUPPORTED, "out-of-band");
    FAILS("\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", FAL_ERR_FORMAT, "a frame of");
    FAILS("P1\n.", FAL_ERR_UNSUPPORTED, "persistent ids as text");
    FAILS("K\x01Q.", FAL_ERR_FORMAT, "persistent id");
    FAILS("X\x07\x00\x00\x00storageK\x01\x86Q.", FAL_ERR_FORMAT, "a persistent id of 2 members");
}

/* One float32 at `start` of eight bytes that have no type: _rebuild_tensor_v3 gives them one. */
#define CUT_BYTES(start)                                                                       \
    "ctorch._utils\n_rebuild_tensor_v3\n("                                                     \
    "(U\x07storagectorch\nUntypedStorage\nU\x01" "0U\x03" "cpuK\x10(U\x01vK" start "K\x08ttQ"   \
    "K\x00K\x01\x85K\x01\x85\x89}ctorch\nfloat32\ntR."

static void test_cut_bytes(void **state)
{
    (void)state;
    assert_int_equal(fal_value_type(READ(CUT_BYTES("\x04"))), FAL_VALUE_TENSOR);
    FAILS(CUT_BYTES("\x01"), FAL_ERR_FORMAT, "starts at byte 1");
}

/* One text encoded again and again: the file is small, what it describes is not. */
static void test_memory_bomb(void **state)
{
    (void)state;
    enum { TEXT = 100000, CALLS = 2000 };
    fal_buf bytes = {0};
    static const char head[] = "c_codecs\nencode\nq\x00X\xa0\x86\x01\x00", call[] = "h\x00h\x01\x85R0";
    fal_buf_append(&bytes, head, sizeof head - 1);
    for (int i = 0; i < TEXT; i++)
        fal_buf_append(&bytes, "a", 1);
    fal_buf_append(&bytes, "q\x01", 2);
    for (int i = 0; i < CALLS; i++)
        fal_buf_append(&bytes, call, sizeof call - 1);
    fal_buf_append(&bytes, ".", 1);
    fal_pickle pickle;
    fal_error err = {0};
    fal_check_fails(parse(bytes.data, bytes.length, &pickle, &err), FAL_ERR_FORMAT, "out of all proportion", &err);
    fal_buf_free(&bytes);
}

static int release(void **state)
{
    (void)state;
    fal_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_reals_and_constants),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_memo),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_known_classes),
        cmocka_unit_test(test_omegaconf),
        cmocka_unit_test(test_class_list),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_cut_bytes),
        cmocka_unit_test(test_memory_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
