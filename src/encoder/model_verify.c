/* What fal_verify found, as JSON and as text. */
#include "core/buf.h"
#include "core/str.h"
#include "core/size_text.h"
#include "encoder/verify.h"

#include <inttypes.h>

/* ---- JSON ---- */

static void put_model(fal_jw *w, const fal_verification *v)
{
    const fal_loaded *l = &v->loaded;
    fal_jw_put_string(w, "family", l->family ? l->family->name : NULL);
    fal_jw_put_string(w, "size", l->size);
    fal_jw_key(w, "config");
    if (!l->model) {
        fal_jw_null(w);
    } else {
        fal_jw_object(w);
        l->family->config_json(l->config, w);
        fal_jw_end_object(w);
    }
    fal_jw_put_int(w, "parameters", v->opens ? (int64_t)fal_loaded_parameters(l) : 0);
}

static void put_tensors(fal_jw *w, const fal_verification *v)
{
    fal_jw_key(w, "tensors");
    fal_jw_object(w);
    fal_jw_put_int(w, "in_file", (int64_t)v->tensors);
    fal_jw_put_int(w, "used", (int64_t)v->used);
    fal_jw_put_int(w, "not_finite", (int64_t)v->odd_tensors);
    fal_jw_put_bool(w, "values_checked", v->scanned);
    fal_jw_end_object(w);
    fal_jw_key(w, "not_finite_tensors");
    fal_jw_array(w);
    for (size_t i = 0; i < v->odd_tensors && i < FAL_VERIFY_NAMES; i++) {
        fal_jw_object(w);
        fal_jw_put_string(w, "name", v->odd[i].name);
        fal_jw_put_int(w, "count", v->odd[i].odd);
        fal_jw_put_int(w, "of", v->odd[i].values);
        fal_jw_put_bool(w, "used", v->odd[i].used);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static void put_files(fal_jw *w, const fal_verification *v)
{
    fal_jw_key(w, "files");
    fal_jw_array(w);
    for (size_t i = 0; i < v->file_count; i++) {
        const fal_verified_file *f = &v->files[i];
        fal_jw_object(w);
        fal_jw_put_string(w, "path", f->path);
        fal_jw_put_int(w, "bytes", f->digest.bytes);
        fal_jw_put_string(w, "sha256", f->digest.sha256);
        if (f->expected) {
            fal_jw_put_string(w, "expected", f->expected);
            fal_jw_put_string(w, "expected_from", f->from);
            fal_jw_put_bool(w, "agrees", f->agrees);
        }
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static void write_json(const fal_verification *v, const char *source, fal_buf *out)
{
    const fal_checkpoint *ckpt = v->loaded.ckpt;
    fal_jw w = fal_jw_start(out, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-verify-1");
    fal_jw_put_string(&w, "source", source);
    fal_jw_put_string(&w, "path", v->place.path);
    fal_jw_put_bool(&w, "ok", v->problem_count == 0);
    fal_jw_key(&w, "problems");
    fal_jw_array(&w);
    for (size_t i = 0; i < v->problem_count; i++)
        fal_jw_string(&w, v->problems[i]);
    fal_jw_end_array(&w);
    fal_jw_put_string(&w, "container", ckpt ? fal_container_name(fal_checkpoint_container(ckpt)) : NULL);
    fal_jw_put_int(&w, "checksums", (int64_t)v->checked_members);
    put_model(&w, v);
    put_tensors(&w, v);
    put_files(&w, v);
    fal_jw_end_object(&w);
}

/* ---- text ---- */

static void say_model(const fal_verification *v, fal_buf *out)
{
    const fal_loaded *l = &v->loaded;
    char bytes[FAL_SIZE_TEXT];
    fal_buf_printf(out, "  container  %s, %s", fal_container_name(fal_checkpoint_container(l->ckpt)),
                   fal_size_text(bytes, (int64_t)fal_checkpoint_bytes(l->ckpt)));
    if (v->checked_members)
        fal_buf_printf(out, "; the checksums of its %zu parts agree", v->checked_members);
    fal_buf_printf(out, "\n  model      %s", l->family ? l->family->name : "of no family this library knows");
    if (v->opens)
        fal_buf_printf(out, " %s, %" PRIu64 " parameters", l->size, fal_loaded_parameters(l));
    fal_buf_printf(out, "\n  tensors    %zu of %zu used\n", v->used, v->tensors);
}

static void say_values(const fal_verification *v, fal_buf *out)
{
    if (v->scanned && v->odd_tensors == 0)
        fal_buf_puts(out, "  values     all finite\n");
    for (size_t i = 0; i < v->odd_tensors && i < FAL_VERIFY_NAMES; i++)
        fal_buf_printf(out, "  values     %s%.200s: %" PRId64 " of %" PRId64 " not finite\n",
                       v->odd[i].used ? "" : "(not used) ", v->odd[i].name, v->odd[i].odd, v->odd[i].values);
    if (v->odd_tensors > FAL_VERIFY_NAMES)
        fal_buf_printf(out, "  values     and %zu more tensors\n", v->odd_tensors - FAL_VERIFY_NAMES);
}

static void write_text(const fal_verification *v, const char *source, fal_buf *out)
{
    (void)source;
    fal_buf_printf(out, "%s: %s\n", v->place.path, v->problem_count == 0 ? "in order" : "NOT in order");
    for (size_t i = 0; i < v->problem_count; i++)
        fal_buf_printf(out, "  problem    %s\n", v->problems[i]);
    if (!v->loaded.ckpt)
        return;
    say_model(v, out);
    say_values(v, out);
    for (size_t i = 0; i < v->file_count; i++) {
        const fal_verified_file *f = &v->files[i];
        fal_buf_printf(out, "  sha-256    %s%s%s%s\n", f->digest.sha256, f->expected ? ", " : "",
                       !f->expected ? ""
                       : f->agrees  ? "agrees with the "
                                    : "NOT as in the ",
                       f->expected ? f->from : "");
    }
}

/* ---- the calls ---- */

typedef void writer(const fal_verification *v, const char *source, fal_buf *out);

static fal_status verify(const char *source, const fal_encoder_options *options, writer *write, bool *ok, char **out,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    fal_verification v = {0};
    fal_buf text = {0};
    FAL_TRY(fal_verify(source, options, &v, err));
    write(&v, source, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    *ok = v.problem_count == 0;
    *out = text.data;
    text = (fal_buf){0};
done:
    fal_buf_free(&text);
    fal_verification_free(&v);
    return st;
}

fal_status fal_model_verify_json(const char *source, const fal_encoder_options *options, bool *ok, char **json,
                                 fal_error *err)
{
    return verify(source, options, write_json, ok, json, err);
}

fal_status fal_model_verify_text(const char *source, const fal_encoder_options *options, bool *ok, char **text,
                                 fal_error *err)
{
    fal_status st = verify(source, options, write_text, ok, text, err);
    if (st == FAL_OK)
        fal_str_tame(*text);
    return st;
}
