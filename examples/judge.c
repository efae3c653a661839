/* Judges the clips named on the command line with the built-in demonstration detector.
 *   cc judge.c $(pkg-config --cflags --libs falsetto) -o judge */
#include <falsetto/falsetto.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    fal_error err;
    fal_judge *judge = NULL;
    fal_judge_member member = {.encoder = FAL_DEFAULT_ENCODER, .head = FAL_DEFAULT_HEAD};
    if (fal_judge_open(&(fal_judge_options){.members = &member, .member_count = 1}, &judge, &err) != FAL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        fal_judgement *result = NULL;
        if (fal_judge_clip(judge, argv[i], NULL, &result, &err) != FAL_OK) {
            fprintf(stderr, "%s\n", err.text);
            continue;
        }
        printf("%s: %s, P(fake) %.2f\n", result->path, fal_verdict_name(result->verdict), result->p_fake);
        for (size_t k = 0; k < result->reason_count; k++)
            printf("  %s: %s\n", result->reasons[k].code, result->reasons[k].text);
        fal_judgement_free(&result);
    }
    fal_judge_free(&judge);
    return 0;
}
