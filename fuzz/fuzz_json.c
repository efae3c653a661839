#include "invariant.h"

#include "core/json.h"

#include <string.h>

static void visit(const fal_json *value, int depth)
{
    void *iter = NULL;
    const char *key;
    const fal_json *member;
    FAL_INVARIANT(depth <= 64);
    FAL_INVARIANT(fal_json_kind(value) != FAL_JSON_ABSENT);
    while (fal_json_next(value, &iter, &key, &member)) {
        FAL_INVARIANT(fal_json_get(value, key) == member);
        visit(member, depth + 1);
    }
    for (size_t i = 0; fal_json_kind(value) == FAL_JSON_ARRAY && i < fal_json_count(value); i++)
        visit(fal_json_at(value, i), depth + 1);
}

/* What was read, written, read and written again is the same text. */
static void check_round_trip(const fal_json *document)
{
    fal_buf first = {0}, second = {0};
    fal_json *again = NULL;
    fal_jw w = fal_jw_start(&first, false);
    fal_jw_value(&w, document);
    if (!first.failed && fal_json_parse(first.data, first.length, "again", &again, NULL) == FAL_OK) {
        w = fal_jw_start(&second, false);
        fal_jw_value(&w, again);
        if (!second.failed)
            FAL_INVARIANT(strcmp(first.data, second.data) == 0);
    } else {
        FAL_INVARIANT(first.failed);
    }
    fal_json_free(&again);
    fal_buf_free(&first);
    fal_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_json *document = NULL;
    fal_error err = {0};
    if (fal_json_parse((const char *)data, size, "fuzz", &document, &err) != FAL_OK) {
        FAL_INVARIANT(document == NULL && err.text[0] != '\0');
        return 0;
    }
    visit(document, 0);
    check_round_trip(document);
    fal_json_free(&document);
    return 0;
}
