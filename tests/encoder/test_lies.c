/* Configurations that lie, in the file of every family: each number of a tiny model's configuration is replaced by ones
 * that nobody meant. Opening must refuse the file, or end in an encoder whose sizes make sense, within bounded memory
 * and time; and `verify` must agree with it. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "encoder/loaded.h"
#include "support/test.h"
#include "weights/bomb.h"

#include <stdio.h>
#include <string.h>

static const char *const values[] = {"0",     "-1",       "7",  "1000000000",      "9223372036854775807",
                                     "1e308", "\"text\"", "[]", "[1000000000, -1]"};

/* ---- configurations as text, with the n-th value replaced ---- */

typedef struct change {
    size_t left; /* values until the one to replace */
    const char *with;
    bool done;
} change;

static void put_changed(fal_jw *w, const fal_json *value, change *c)
{
    void *iter = NULL;
    const char *key;
    const fal_json *item;
    if (c->left-- == 0) {
        fal_json *other = NULL;
        fal_error err = {0};
        fal_check_ok(fal_json_parse(c->with, strlen(c->with), "value", &other, &err), &err);
        fal_jw_value(w, other);
        fal_json_free(&other);
        c->done = true;
    } else if (fal_json_kind(value) == FAL_JSON_OBJECT) {
        fal_jw_object(w);
        while (fal_json_next(value, &iter, &key, &item)) {
            fal_jw_key(w, key);
            put_changed(w, item, c);
        }
        fal_jw_end_object(w);
    } else if (fal_json_kind(value) == FAL_JSON_ARRAY) {
        fal_jw_array(w);
        for (size_t i = 0; i < fal_json_count(value); i++)
            put_changed(w, fal_json_at(value, i), c);
        fal_jw_end_array(w);
    } else {
        fal_jw_value(w, value);
    }
}

/* ---- files ---- */

static fal_status draw_tiny(const fal_family *family, fal_loaded *out, fal_error *err)
{
    fal_status st = FAL_OK;
    void *config;
    FAL_ALLOC(config, fal_calloc(1, family->config_size));
    family->tiny(config);
    st = fal_loaded_draw(family, config, "tiny", 7, 1, out, err);
    fal_free(config);
done:
    return st;
}

static void put_entry(fal_buf *header, const char *name, const fal_tensor *tensor, long long begin, long long end)
{
    char shape[96];
    fal_buf_printf(header, ",\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%lld,%lld]}", name,
                   fal_tensor_shape_text(shape, tensor), begin, end);
}

/* A safetensors header with everything that is bound and `config`; without its closing brace. */
static void put_header(fal_buf *header, const fal_loaded *model, const char *config)
{
    fal_jw w = fal_jw_start(header, true);
    long long end = 0;
    fal_buf_printf(header, "{\"__metadata__\":{\"falsetto.family\":\"%s\",\"falsetto.config\":", model->family->name);
    fal_jw_string(&w, config);
    fal_buf_puts(header, "}");
    for (size_t i = 0; i < fal_bind_bound_count(model->bind); i++) {
        const fal_named_tensor *t = fal_bind_bound_at(model->bind, i);
        long long begin = end;
        end += 4 * fal_tensor_count(&t->tensor);
        put_entry(header, t->name, &t->tensor, begin, end);
    }
}

/* Header and data; plainly, without waiting for the disk, since thousands of such files are written. */
static void write_model(fal_buf *header, const fal_loaded *model, const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fal_buf_puts(header, "}");
    while (header->length % 8)
        fal_buf_puts(header, " ");
    fwrite(&(uint64_t){header->length}, 8, 1, file);
    fwrite(header->data, 1, header->length, file);
    for (size_t i = 0; i < fal_bind_bound_count(model->bind); i++) {
        const fal_tensor *t = &fal_bind_bound_at(model->bind, i)->tensor;
        fwrite(t->data, 4, (size_t)fal_tensor_count(t), file);
    }
    fclose(file);
    fal_buf_clear(header);
}

/* ---- opening ---- */

static bool sensible(const fal_encoder_description *d)
{
    return d->dim >= 1 && d->dim < 1 << 20 && d->layers >= 1 && d->layers <= 512 && d->width >= 1 && d->heads >= 1 &&
           d->width % d->heads == 0 && d->rate_hz > 0 && d->rate_hz < 1000 && d->streams && d->picture.side >= 0 &&
           d->picture.side <= 4096 && d->chunk_frames >= 0 && d->chunk_frames <= 4096;
}

/* Fails with FAL_ERR_INTERNAL when something is not as it should be; *opened counts the encoders that came of it. */
static fal_status open_lie(const char *path, const char *config, size_t *opened, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_encoder *encoder = NULL;
    fal_error why = {0}, ignored;
    bool ok = false;
    char *report = NULL;
    fal_encoder_options how = {.threads = 1};
    fal_status got = fal_encoder_open(path, &how, &encoder, &why);
    if (got == FAL_ERR_MEMORY)
        FAL_FAIL(FAL_ERR_INTERNAL, "memory ran out with %s", config);
    if (got == FAL_OK && !sensible(fal_encoder_describe(encoder)))
        FAL_FAIL(FAL_ERR_INTERNAL, "an encoder of strange sizes came of %s", config);
    if (got != FAL_OK && (encoder || !why.text[0]))
        FAL_FAIL(FAL_ERR_INTERNAL, "no reason given for %s", config);
    if (fal_model_verify_json(path, &how, &ok, &report, &ignored) != FAL_OK || ok != (got == FAL_OK))
        FAL_FAIL(FAL_ERR_INTERNAL, "verify says %s, opening says \"%s\" of %s", ok ? "ok" : "no", why.text, config);
    *opened += got == FAL_OK;
done:
    fal_text_free(&report);
    fal_encoder_free(&encoder);
    return st;
}

/* `path` ends in the family's name. */
static fal_status try_lies(const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_family *family = fal_family_find(fal_path_base(path));
    fal_loaded model = {0};
    fal_buf truth = {0}, lie = {0}, header = {0};
    fal_json *json = NULL;
    size_t tried = 0, opened = 0;
    bool more = true;
    FAL_TRY(draw_tiny(family, &model, err));
    fal_loaded_config_text(family, model.config, &truth);
    FAL_TRY(fal_json_parse(truth.data, truth.length, "configuration", &json, err));
    for (size_t at = 0; more; at++)
        for (size_t n = 0; n < sizeof values / sizeof *values; n++) {
            change c = {.left = at, .with = values[n]};
            fal_buf_clear(&lie);
            fal_jw w = fal_jw_start(&lie, true);
            put_changed(&w, json, &c);
            more = c.done;
            if (!more)
                break;
            put_header(&header, &model, lie.data);
            write_model(&header, &model, path);
            FAL_TRY(open_lie(path, lie.data, &opened, err));
            tried++;
        }
    snprintf(err->text, sizeof err->text, "%zu of %zu lies opened", opened, tried);
done:
    fal_json_free(&json);
    fal_buf_free(&truth);
    fal_buf_free(&lie);
    fal_buf_free(&header);
    fal_loaded_free(&model);
    return st;
}

static void test_numbers(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_check_ok(fal_make_dirs(fal_temp_path("lies"), &err), &err);
    for (size_t f = 0; f < fal_family_count(); f++) {
        bomb_outcome got = bomb_run(fal_temp_path("lies/%s", fal_family_at(f)->name), try_lies);
        if (got.status != FAL_OK)
            fail_msg("%s: %s", fal_family_at(f)->name, got.text);
        print_message("  %s\n", got.text);
    }
}

/* ---- layers without end ---- */

static fal_status open_only(const char *path, fal_error *err)
{
    fal_encoder *encoder = NULL;
    fal_status st = fal_encoder_open(path, &(fal_encoder_options){.threads = 1}, &encoder, err);
    fal_encoder_free(&encoder);
    return st;
}

static bool is_bound(const fal_loaded *model, const char *name)
{
    size_t i = 0, count = fal_bind_bound_count(model->bind);
    while (i < count && strcmp(fal_bind_bound_at(model->bind, i)->name, name) != 0)
        i++;
    return i < count;
}

/* Empty tensors by the name of one of a first layer ("...layers.0.fc1.weight"), for thousands of further layers. */
static size_t put_layers(fal_buf *header, const fal_loaded *model, const char *name)
{
    enum { LAYERS = 2000 };
    const fal_tensor nothing = {.dtype = FAL_F32, .rank = 1};
    const char *dot = name;
    size_t count = 0;
    while (*dot && !(dot[0] == '.' && dot[1] >= '0' && dot[1] <= '9'))
        dot++;
    /* Layers, blocks, encoders; not the convolutions of a front end, which are counted first. */
    bool layered = *dot && dot[-1] == 's' && dot[1] == '0' && !strstr(name, "conv_layers");
    for (int layer = 1; layered && layer < LAYERS; layer++) {
        char further[256];
        snprintf(further, sizeof further, "%.*s.%d%s", (int)(dot - name), name, layer, dot + 2);
        if (!is_bound(model, further)) {
            put_entry(header, further, &nothing, 0, 0);
            count++;
        }
    }
    return count;
}

/* The tiny model with layers without end. */
static const char *write_layers(const fal_family *family)
{
    enum { MOST = 50 * 1000 };
    fal_error err = {0};
    fal_loaded model = {0};
    fal_buf header = {0}, config = {0};
    size_t added = 0;
    const char *path = fal_temp_path("layers/%s", family->name);
    fal_check_ok(fal_make_dirs(fal_temp_path("layers"), &err), &err);
    fal_check_ok(draw_tiny(family, &model, &err), &err);
    fal_loaded_config_text(family, model.config, &config);
    put_header(&header, &model, config.data);
    for (size_t i = 0; i < fal_bind_bound_count(model.bind) && added < MOST; i++)
        added += put_layers(&header, &model, fal_bind_bound_at(model.bind, i)->name);
    write_model(&header, &model, path);
    fal_buf_free(&header);
    fal_buf_free(&config);
    fal_loaded_free(&model);
    return path;
}

static void test_layers(void **state)
{
    (void)state;
    for (size_t f = 0; f < fal_family_count(); f++) {
        bomb_outcome got = bomb_run(write_layers(fal_family_at(f)), open_only);
        if (got.status == FAL_OK || got.status == FAL_ERR_MEMORY || !got.text[0])
            fail_msg("%s: %s \"%s\"", fal_family_at(f)->name, fal_status_name(got.status), got.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
