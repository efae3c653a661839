/* Whether a head fits an encoder: names, families, features, catalogue names. */
#include "judge/mismatch.h"
#include "support/test.h"

#include <falsetto/models.h>

typedef struct pair {
    const char *encoder, *family, *feature; /* what the head records */
    const char *origin, *real_family, *real_feature;
    fal_match want;
} pair;

static const pair pairs[] = {
    /* nothing recorded: official heads */
    {NULL, NULL, NULL, "large.pt", "avhubert", "features", FAL_MATCH_FITS},
    /* a family only */
    {"avhubert", NULL, NULL, "models/whatever.pt", "avhubert", "features", FAL_MATCH_FITS},
    {NULL, "avhubert", NULL, "models/whatever.pt", "avhubert", "features", FAL_MATCH_FITS},
    {"wav2vec2", NULL, NULL, "models/whatever.pt", "avhubert", "features", FAL_MATCH_OTHER},
    {NULL, "wav2vec2", NULL, "models/whatever.pt", "avhubert", "features", FAL_MATCH_OTHER},
    /* the same file, elsewhere and in another container */
    {"large.pt", NULL, NULL, "/a/b/large.pt", "avhubert", "features", FAL_MATCH_FITS},
    {"large.pt", "avhubert", NULL, "tidy/large.safetensors", "avhubert", "features", FAL_MATCH_FITS},
    /* a name that merely contains the other is another name */
    {"large", "avhubert", NULL, "self_large_vox.pt", "avhubert", "features", FAL_MATCH_RENAMED},
    {"large.pt", NULL, NULL, "self_large_vox.pt", "avhubert", "features", FAL_MATCH_OTHER},
    {"large.pt", "avhubert", "features", "renamed.pt", "avhubert", "features", FAL_MATCH_RENAMED},
    {"large.pt", "wav2vec2", "features", "large.pt", "avhubert", "features", FAL_MATCH_OTHER},
    /* features */
    {"vit.pt", "clip", "pooled", "vit.pt", "clip", "projected", FAL_MATCH_OTHER},
    {"vit.pt", "clip", "pooled", "vit.pt", "clip", "pooled", FAL_MATCH_FITS},
    /* the catalogue's names: of a model, and by a family's name alone */
    {"avhubert-random", "avhubert", NULL, "avhubert-random", "avhubert", "features", FAL_MATCH_FITS},
    {"avhubert-random", "avhubert", NULL, "large.pt", "avhubert", "features", FAL_MATCH_OTHER},
    {"wav2vec2-xls-r-300m", "wav2vec2", NULL, "wav2vec2", "wav2vec2", "features", FAL_MATCH_FITS},
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const pair *p = &pairs[i];
        fal_head_description head = {.encoder = p->encoder, .family = p->family, .feature = p->feature};
        fal_encoder_description enc = {.origin = p->origin, .family = p->real_family, .feature = p->real_feature};
        fal_match got = fal_mismatch_find(&head, &enc);
        if (got != p->want)
            fail_msg("head of %s (%s, %s) with %s (%s, %s): got %d, want %d", p->encoder ? p->encoder : "-",
                     p->family ? p->family : "-", p->feature ? p->feature : "-", p->origin, p->real_family,
                     p->real_feature, (int)got, (int)p->want);
    }
}

/* A pulled model is opened by its catalogue name, a head may have been trained on the file itself. */
static void test_files_of_the_catalogue(void **state)
{
    (void)state;
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *m = fal_model_at(i);
        if (!m->files[0].name)
            continue;
        fal_head_description by_file = {.encoder = m->files[0].name, .family = m->family};
        fal_head_description by_name = {.encoder = m->name, .family = m->family};
        fal_encoder_description named = {.origin = m->name, .family = m->family, .feature = "features"};
        fal_encoder_description file = {.origin = m->files[0].name, .family = m->family, .feature = "features"};
        assert_int_equal(fal_mismatch_find(&by_file, &named), FAL_MATCH_FITS);
        assert_int_equal(fal_mismatch_find(&by_name, &file), FAL_MATCH_FITS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_files_of_the_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
