#include "audit/fact_cache.h"

#include "core/json.h"
#include "core/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns before and after those of the facts. */
static const char *const first_columns[] = {"path", "bytes", "modified_ns"};
static const char *const last_columns[] = {"file_sha256", "content_sha256", "pictures", "sound", "sound_bits"};
enum {
    FIRST = sizeof first_columns / sizeof *first_columns,
    LAST = sizeof last_columns / sizeof *last_columns,
    COLUMNS = FIRST + FAL_NUMBER_FACTS + FAL_TEXT_FACTS + LAST,
    HEX64 = 16
};

/* ---- writing ---- */

static void put_header(fal_buf *line)
{
    for (int i = 0; i < FIRST; i++)
        fal_csv_put(line, first_columns[i]);
    for (int i = 0; i < FAL_NUMBER_FACTS; i++)
        fal_csv_put(line, fal_number_fact_names[i].name);
    for (int i = 0; i < FAL_TEXT_FACTS; i++)
        fal_csv_put(line, fal_text_fact_names[i].name);
    for (int i = 0; i < LAST; i++)
        fal_csv_put(line, last_columns[i]);
    fal_buf_puts(line, "\r\n");
}

static void put_int(fal_buf *line, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    fal_csv_put(line, text);
}

static void put_print(fal_buf *line, const fal_clip_print *print)
{
    char pictures[FAL_PRINT_PICTURES * HEX64 + 1] = "", sound[HEX64 + 1];
    for (int i = 0; i < print->picture_count; i++)
        snprintf(pictures + i * HEX64, HEX64 + 1, "%016" PRIx64, print->pictures[i]);
    snprintf(sound, sizeof sound, "%016" PRIx64, print->sound);
    fal_csv_put(line, print->file);
    fal_csv_put(line, print->content);
    fal_csv_put(line, pictures);
    fal_csv_put(line, sound);
    put_int(line, print->sound_bits);
}

static void put_file(fal_buf *line, const fal_audit_file *file)
{
    fal_csv_put(line, file->path);
    put_int(line, file->bytes);
    put_int(line, file->modified_ns);
    for (int i = 0; i < FAL_NUMBER_FACTS; i++) {
        char number[32] = "";
        if (!isnan(file->facts.numbers[i]))
            fal_format_double(number, file->facts.numbers[i]);
        fal_csv_put(line, number);
    }
    for (int i = 0; i < FAL_TEXT_FACTS; i++)
        fal_csv_put(line, file->facts.texts[i]);
    put_print(line, &file->facts.print);
    fal_buf_puts(line, "\r\n");
}

fal_status fal_fact_cache_add(const fal_csv_log *cache, const fal_audit_file *file, fal_error *err)
{
    fal_buf line = {0};
    put_file(&line, file);
    fal_status st = fal_csv_log_add(cache, &line, err);
    fal_buf_free(&line);
    return st;
}

/* ---- reading ---- */

static double read_number(const char *text)
{
    double value = NAN;
    (void)fal_parse_real(text, &value);
    return value;
}

static bool read_hex64(const char *text, uint64_t *out)
{
    char part[HEX64 + 1], *end;
    memcpy(part, text, HEX64);
    part[HEX64] = '\0';
    *out = strtoull(part, &end, 16);
    return *end == '\0';
}

static bool read_print(const char *const *cells, fal_clip_print *out)
{
    size_t hex = strlen(cells[2]);
    double sound_bits = read_number(cells[4]);
    if (strlen(cells[0]) != FAL_SHA256_HEX - 1 || strlen(cells[1]) != FAL_SHA256_HEX - 1 || hex % HEX64 ||
        hex / HEX64 > FAL_PRINT_PICTURES || strlen(cells[3]) != HEX64 ||
        !(sound_bits >= 0 && sound_bits <= FAL_PRINT_SOUND_BITS))
        return false;
    memcpy(out->file, cells[0], FAL_SHA256_HEX);
    memcpy(out->content, cells[1], FAL_SHA256_HEX);
    out->picture_count = (int)(hex / HEX64);
    out->sound_bits = (int)sound_bits;
    for (int i = 0; i < out->picture_count; i++)
        if (!read_hex64(cells[2] + i * HEX64, &out->pictures[i]))
            return false;
    return read_hex64(cells[3], &out->sound);
}

static bool read_facts(const char *const *cells, fal_clip_facts *out)
{
    for (int i = 0; i < FAL_NUMBER_FACTS; i++)
        out->numbers[i] = read_number(*cells++);
    for (int i = 0; i < FAL_TEXT_FACTS; i++) {
        if (strlen(*cells) >= FAL_FACT_TEXT)
            return false;
        strcpy(out->texts[i], *cells++);
    }
    return read_print(cells, &out->print);
}

static int find_path(const void *key, const void *element)
{
    const fal_audit_file *file = element;
    return strcmp(key, file->path);
}

/* Lines of files that are not asked for, have changed, or make no sense are left alone: those files are measured. */
static void take_line(const fal_csv *table, size_t row, fal_collection *c)
{
    const char *const *cells = table->cells + row * table->columns;
    fal_audit_file *file = bsearch(cells[0], c->files, c->file_count, sizeof *c->files, find_path);
    fal_clip_facts facts = {0};
    if (!file || strtoll(cells[1], NULL, 10) != file->bytes || strtoll(cells[2], NULL, 10) != file->modified_ns)
        return;
    if (read_facts(cells + FIRST, &facts)) {
        file->facts = facts;
        file->measured = file->reused = true;
    }
}

fal_status fal_fact_cache_open(const char *path, fal_collection *collection, fal_csv_log **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv known = {0};
    fal_buf header = {0};
    put_header(&header);
    if (header.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_csv_log_open(path, header.data, "list of facts of this version", &known, out, err));
    for (size_t row = 0; row < known.rows; row++)
        take_line(&known, row, collection);
done:
    fal_csv_free(&known);
    fal_buf_free(&header);
    return st;
}
