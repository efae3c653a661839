#include "encoder/verify.h"

#include "core/alloc.h"
#include "core/str.h"
#include "weights/check.h"

#include <string.h>

/* Overlapping tensors of a hostile file could hold any number of elements. Those of an honest one are fewer than the
 * bytes they are made of, but for the broadcast views that the pickle reader allows. */
enum { SCAN_FREE_ELEMENTS = 1 << 26 };

void fal_verification_free(fal_verification *v)
{
    for (size_t i = 0; i < v->problem_count; i++)
        fal_free(v->problems[i]);
    for (size_t i = 0; i < v->file_count; i++)
        fal_free(v->files[i].path);
    fal_free(v->files);
    fal_json_free(&v->receipt);
    fal_loaded_free(&v->loaded);
    fal_place_free(&v->place);
    *v = (fal_verification){0};
}

static fal_status add_problem(fal_verification *v, const char *text, fal_error *err)
{
    fal_status st = FAL_OK;
    if (v->problem_count == FAL_VERIFY_PROBLEMS)
        return FAL_OK;
    FAL_ALLOC(v->problems[v->problem_count], fal_strdup(text));
    v->problem_count++;
done:
    return st;
}

/* A failure of a check is a finding; running out of memory and being stopped are not. */
static fal_status finding(fal_verification *v, fal_status got, const fal_error *why, fal_error *err)
{
    if (got != FAL_ERR_MEMORY && got != FAL_ERR_CANCELLED)
        return got == FAL_OK ? FAL_OK : add_problem(v, why->text, err);
    if (err)
        *err = *why;
    return got;
}

/* ---- opening ---- */

static fal_status open_model(fal_verification *v, const fal_encoder_options *options, fal_error *err)
{
    fal_error why = {0};
    fal_encoder_options how = fal_place_options(&v->place, options);
    fal_status st = fal_loaded_try(v->place.path, &how, &v->loaded, &why);
    v->opens = st == FAL_OK;
    v->tensors = v->loaded.ckpt ? fal_checkpoint_count(v->loaded.ckpt) : 0;
    for (size_t i = 0; v->loaded.bind && i < v->tensors; i++)
        v->used += fal_bind_is_used(v->loaded.bind, i);
    return finding(v, st, &why, err);
}

/* A file put under the name of another model. */
static fal_status compare_with_row(fal_verification *v, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_place *p = &v->place;
    fal_encoder_description has = {0}, wants = {0};
    char *text = NULL;
    if (!v->opens || !p->entry)
        return FAL_OK;
    p->family->describe(v->loaded.config, &has);
    p->family->describe(p->entry->config, &wants);
    if (has.dim == wants.dim && has.layers == wants.layers && has.width == wants.width && has.streams == wants.streams)
        return FAL_OK;
    FAL_ALLOC(text, fal_asprintf(
                        "%s: %lld layers of %lld channels, features of %lld; %s has %lld of %lld and %lld: this "
                        "is another model",
                        p->path, (long long)has.layers, (long long)has.width, (long long)has.dim, p->entry->model.name,
                        (long long)wants.layers, (long long)wants.width, (long long)wants.dim));
    FAL_TRY(add_problem(v, text, err));
done:
    fal_free(text);
    return st;
}

static fal_status check_container(fal_verification *v, const fal_progress *progress, fal_error *err)
{
    fal_error why = {0};
    fal_status st = fal_checkpoint_check_sums(v->loaded.ckpt, progress, &v->checked_members, &why);
    return finding(v, st, &why, err);
}

/* ---- values ---- */

static void note_odd(fal_verification *v, size_t index, int64_t odd)
{
    const fal_named_tensor *t = fal_checkpoint_at(v->loaded.ckpt, index);
    if (v->odd_tensors < FAL_VERIFY_NAMES)
        v->odd[v->odd_tensors] = (fal_odd_tensor){.name = t->name,
                                                  .values = fal_tensor_count(&t->tensor),
                                                  .odd = odd,
                                                  .used = v->loaded.bind && fal_bind_is_used(v->loaded.bind, index)};
    v->odd_tensors++;
}

static fal_status describe_odd(fal_verification *v, size_t used_odd, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    size_t shown = 0;
    fal_buf_printf(&text, "%s: %zu tensor%s with values that are not finite (NaN or infinite): ", v->place.path,
                   used_odd, used_odd == 1 ? "" : "s");
    for (size_t i = 0; i < v->odd_tensors && i < FAL_VERIFY_NAMES; i++)
        if (v->odd[i].used)
            fal_buf_printf(&text, "%s%.200s (%lld of %lld)", shown++ ? ", " : "", v->odd[i].name,
                           (long long)v->odd[i].odd, (long long)v->odd[i].values);
    if (shown < used_odd)
        fal_buf_printf(&text, "%s%zu more", shown ? " and " : "", used_odd - shown);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_TRY(add_problem(v, text.data, err));
done:
    fal_buf_free(&text);
    return st;
}

/* Values of tensors that the encoder leaves alone (an optimiser's, a head's) may be anything, and are only told. */
static fal_status scan_values(fal_verification *v, const fal_progress *progress, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_checkpoint *ckpt = v->loaded.ckpt;
    uint64_t left = fal_checkpoint_memory(ckpt) + SCAN_FREE_ELEMENTS;
    size_t used_odd = 0;
    for (size_t i = 0; i < v->tensors; i++) {
        const fal_tensor *t = &fal_checkpoint_at(ckpt, i)->tensor;
        uint64_t count = (uint64_t)fal_tensor_count(t);
        if (count > left) {
            FAL_TRY(add_problem(v, "its tensors overlap so much that their values were not looked at", err));
            goto done;
        }
        left -= count;
        if (fal_progress_cancelled(progress))
            FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped while it was checked", v->place.path);
        fal_progress_report(progress, "checking values (tensors)", (double)i, (double)v->tensors);
        int64_t odd = fal_tensor_non_finite(t);
        if (odd) {
            note_odd(v, i, odd);
            used_odd += v->loaded.bind && fal_bind_is_used(v->loaded.bind, i);
        }
        fal_checkpoint_release(ckpt, t);
    }
    v->scanned = true;
    if (used_odd)
        FAL_TRY(describe_odd(v, used_odd, err));
done:
    return st;
}

/* ---- checksums of whole files ---- */

/* pull.json, written by `models pull` beside the files it fetched. A damaged one counts as none. */
static fal_status read_receipt(fal_verification *v, fal_error *err)
{
    fal_status st = FAL_OK;
    char *folder = NULL, *path = NULL;
    FAL_ALLOC(folder, fal_path_is_dir(v->place.path) ? fal_strdup(v->place.path) : fal_path_dir(v->place.path));
    FAL_ALLOC(path, fal_path_join(folder, "pull.json"));
    if (fal_path_exists(path) && fal_json_read(path, &v->receipt, NULL) != FAL_OK)
        v->receipt = NULL;
done:
    fal_free(path);
    fal_free(folder);
    return st;
}

static const char *receipt_sum(const fal_json *receipt, const char *name)
{
    const fal_json *files = fal_json_get(receipt, "files");
    for (size_t i = 0; i < fal_json_count(files); i++) {
        const fal_json *file = fal_json_at(files, i);
        if (fal_str_eq(fal_json_string(fal_json_get(file, "name"), NULL), name))
            return fal_json_string(fal_json_get(file, "sha256"), NULL);
    }
    return NULL;
}

static void expect_published(const fal_model_entry *model, const char *name, fal_verified_file *file)
{
    for (size_t i = 0; model && i < FAL_MODEL_FILES && model->files[i].name; i++) {
        const fal_model_file *f = &model->files[i];
        if (!fal_str_eq(fal_path_base(f->name), name) || (!f->sha256 && !f->md5))
            continue;
        file->expected = f->sha256 ? f->sha256 : f->md5;
        file->kind = f->sha256 ? "SHA-256" : "MD5";
        file->from = "catalogue";
    }
}

static fal_status check_file(fal_verification *v, fal_verified_file *file, const fal_progress *progress, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *name = fal_path_base(file->path);
    char *text = NULL;
    file->expected = receipt_sum(v->receipt, name);
    file->kind = "SHA-256";
    file->from = "receipt";
    if (!file->expected)
        expect_published(v->place.entry ? &v->place.entry->model : NULL, name, file);
    bool md5 = fal_str_eq(file->kind, "MD5");
    FAL_TRY(fal_digest_file(file->path, md5, "checksum (MB)", progress, &file->digest, err));
    const char *got = md5 ? file->digest.md5 : file->digest.sha256;
    file->agrees = file->expected && fal_digest_agrees(got, file->expected);
    if (!file->expected || file->agrees)
        goto done;
    FAL_ALLOC(text, fal_asprintf("%s: its %s is %s, the %s says %.80s: the file was changed or damaged%s%s%s",
                                 file->path, file->kind, got, file->from, file->expected,
                                 v->place.entry ? "; fetch it again with `falsetto models pull --force " : "",
                                 v->place.entry ? v->place.entry->model.name : "", v->place.entry ? "`" : ""));
    FAL_TRY(add_problem(v, text, err));
done:
    fal_free(text);
    return st;
}

static fal_status check_files(fal_verification *v, const fal_progress *progress, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = fal_checkpoint_file_count(v->loaded.ckpt);
    FAL_TRY(read_receipt(v, err));
    FAL_ALLOC(v->files, fal_calloc(count, sizeof *v->files));
    for (size_t i = 0; i < count; i++) {
        FAL_ALLOC(v->files[i].path, fal_strdup(fal_checkpoint_file_at(v->loaded.ckpt, i)));
        v->file_count++;
        FAL_TRY(check_file(v, &v->files[i], progress, err));
    }
done:
    return st;
}

fal_status fal_verify(const char *source, const fal_encoder_options *options, fal_verification *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_verification v = {0};
    const fal_progress *progress = options ? options->progress : NULL;
    FAL_TRY(fal_place_file(source, &v.place, err));
    FAL_TRY(open_model(&v, options, err));
    FAL_TRY(compare_with_row(&v, err));
    if (v.loaded.ckpt) {
        FAL_TRY(check_container(&v, progress, err));
        FAL_TRY(scan_values(&v, progress, err));
        FAL_TRY(check_files(&v, progress, err));
    }
    *out = v;
    v = (fal_verification){0};
done:
    fal_verification_free(&v);
    return st;
}
