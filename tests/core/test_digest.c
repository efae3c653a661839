/* Checksums against the vectors of FIPS 180-4 / NIST CAVP and RFC 1321, and against themselves in pieces. */
#include "support/test.h"

#include "core/digest.h"
#include "core/file.h"

#include <string.h>

static const struct {
    const char *text, *sha256, *md5;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "d41d8cd98f00b204e9800998ecf8427e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "900150983cd24fb0d6963f7d28e17f72"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "8215ef0796a20bcaaae116d3876c664a"},
    {"message digest", "f7846f55cf23e14eebeab5b4e1550cad5b509e3348fbc4efa3a1413d393cb650",
     "f96b697d7cb7938d525a2f31aaf161d0"},
};

static void check(const char *text, size_t length, const char *sha256, const char *md5)
{
    char got[FAL_SHA256_HEX];
    fal_digest d = fal_sha256_start();
    fal_sha256_add(&d, text, length);
    fal_sha256_text(&d, got);
    assert_string_equal(got, sha256);
    d = fal_md5_start();
    fal_md5_add(&d, text, length);
    fal_md5_text(&d, got);
    assert_string_equal(got, md5);
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check(vectors[i].text, strlen(vectors[i].text), vectors[i].sha256, vectors[i].md5);
}

static void test_a_million_letters(void **state)
{
    (void)state;
    static char text[1000000];
    memset(text, 'a', sizeof text);
    check(text, sizeof text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
          "7707d6ae4e027c70eea2a935c2296f21");
}

/* Every way to cut 200 bytes in three gives the digest of the whole; asking in between changes nothing. */
static void test_pieces(void **state)
{
    (void)state;
    uint8_t bytes[200];
    char whole[FAL_SHA256_HEX], got[FAL_SHA256_HEX];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    fal_digest d = fal_sha256_start();
    fal_sha256_add(&d, bytes, sizeof bytes);
    fal_sha256_text(&d, whole);
    for (size_t a = 0; a <= sizeof bytes; a++)
        for (size_t b = a; b <= sizeof bytes; b += 7) {
            d = fal_sha256_start();
            fal_sha256_add(&d, bytes, a);
            fal_sha256_add(&d, bytes + a, b - a);
            fal_sha256_text(&d, got);
            fal_sha256_add(&d, bytes + b, sizeof bytes - b);
            fal_sha256_text(&d, got);
            if (strcmp(got, whole))
                fail_msg("cut at %zu and %zu: got %s, want %s", a, b, got, whole);
        }
}

/* Lengths around the end of a block, where the padding takes one block or two; sums from coreutils. */
static void test_lengths_around_a_block(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        const char *sha256, *md5;
    } cases[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318", "ef1772b6dff9a122358552954ad0df65"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a", "3b0c8ac703f828b04c6c197006d17218"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34", "b06521f39153d618550606be297466d5"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb", "014842d480b571495a4a0363793f7367"},
    };
    char text[64];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(text, cases[i].length, cases[i].sha256, cases[i].md5);
}

static void test_files(void **state)
{
    (void)state;
    const char *path = fal_temp_path("digest.bin");
    fal_error err = {0};
    fal_file_digest got;
    fal_check_ok(fal_file_write(path, "abc", 3, &err), &err);
    fal_check_ok(fal_digest_file(path, true, "checking", NULL, &got, &err), &err);
    assert_int_equal(got.bytes, 3);
    assert_string_equal(got.sha256, vectors[1].sha256);
    assert_string_equal(got.md5, vectors[1].md5);
    fal_check_ok(fal_digest_file(path, false, "checking", NULL, &got, &err), &err);
    assert_string_equal(got.md5, "");
    sig_atomic_t stop = 1;
    fal_progress progress = {.cancel = &stop};
    fal_check_fails(fal_digest_file(path, true, "checking", &progress, &got, &err), FAL_ERR_CANCELLED, "digest.bin",
                    &err);
    fal_check_fails(fal_digest_file(fal_temp_path("none"), true, "checking", NULL, &got, &err), FAL_ERR_NOT_FOUND,
                    "none", &err);
}

static void test_agreement(void **state)
{
    (void)state;
    assert_true(fal_digest_agrees("c00a7f", "c00a7"));
    assert_true(fal_digest_agrees("c00a7f", "C00A7F"));
    assert_false(fal_digest_agrees("c00a7f", "c00a8"));
    assert_false(fal_digest_agrees("c00a7f", "c00a7f0"));
    assert_true(fal_digest_agrees("c00a7f", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_a_million_letters),
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_lengths_around_a_block),
        cmocka_unit_test(test_files),   cmocka_unit_test(test_agreement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
