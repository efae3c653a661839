#include "core/json.h"

#include <falsetto/audit.h>

static void put_fact(fal_jw *w, const fal_audit_fact *f)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "name", f->name);
    fal_jw_put_string(w, "unit", f->unit);
    fal_jw_put_int(w, "fakes", (int64_t)f->fakes);
    fal_jw_put_int(w, "reals", (int64_t)f->reals);
    fal_jw_put_double(w, "auc", f->auc);
    fal_jw_put_double(w, "auc_low", f->interval.low);
    fal_jw_put_double(w, "auc_high", f->interval.high);
    fal_jw_put_double(w, "p", f->p);
    fal_jw_put_double(w, "p_holm", f->p_holm);
    if (f->unit) {
        fal_jw_put_bool(w, "higher_is_fake", f->higher_is_fake);
        fal_jw_put_double(w, "fake_median", f->fake_median);
        fal_jw_put_double(w, "real_median", f->real_median);
    } else {
        fal_jw_put_int(w, "values", (int64_t)f->values);
        fal_jw_put_double(w, "cramers_v", f->cramers_v);
        fal_jw_put_string(w, "fake_value", f->fake_value);
        fal_jw_put_string(w, "real_value", f->real_value);
    }
    fal_jw_put_string(w, "severity", fal_audit_severity_name(f->severity));
    fal_jw_end_object(w);
}

static void put_overlap(fal_jw *w, const fal_audit *a, const fal_audit_overlap *o)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "what", o->what);
    fal_jw_put_string(w, "first_list", a->list_names[o->first_list]);
    fal_jw_put_string(w, "second_list", a->list_names[o->second_list]);
    fal_jw_put_int(w, "count", (int64_t)o->count);
    fal_jw_put_string(w, "example", o->example);
    fal_jw_end_object(w);
}

static void put_pair(fal_jw *w, const fal_audit *a, const fal_audit_pair *p)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "match", fal_audit_match_name(p->match));
    fal_jw_put_string(w, "first_list", a->list_names[p->first_list]);
    fal_jw_put_string(w, "first", p->first);
    fal_jw_put_string(w, "second_list", a->list_names[p->second_list]);
    fal_jw_put_string(w, "second", p->second);
    fal_jw_put_bool(w, "labels_differ", p->labels_differ);
    fal_jw_end_object(w);
}

static void put_finding(fal_jw *w, const fal_audit_finding *f)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "code", f->code);
    fal_jw_put_string(w, "severity", fal_audit_severity_name(f->severity));
    fal_jw_put_string(w, "text", f->text);
    fal_jw_end_object(w);
}

static void put_failure(fal_jw *w, const fal_audit_failure *f)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "path", f->path);
    fal_jw_put_string(w, "reason", f->reason);
    fal_jw_end_object(w);
}

static void put_counts(fal_jw *w, const fal_audit *a)
{
    fal_jw_put_string(w, "format", "falsetto-audit-1");
    fal_jw_key(w, "lists");
    fal_jw_array(w);
    for (size_t i = 0; i < a->list_count; i++)
        fal_jw_string(w, a->list_names[i]);
    fal_jw_end_array(w);
    fal_jw_put_int(w, "clips", (int64_t)a->clips);
    fal_jw_put_int(w, "files", (int64_t)a->files);
    fal_jw_put_int(w, "fakes", (int64_t)a->fakes);
    fal_jw_put_int(w, "reals", (int64_t)a->reals);
    fal_jw_put_int(w, "unlabelled", (int64_t)a->unlabelled);
    fal_jw_put_int(w, "reused", (int64_t)a->reused);
    fal_jw_put_int(w, "pairs_in_all", (int64_t)a->pair_total);
}

fal_status fal_audit_json(const fal_audit *a, char **json, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    put_counts(&w, a);
    fal_jw_key(&w, "findings"), fal_jw_array(&w);
    for (size_t i = 0; i < a->finding_count; i++)
        put_finding(&w, &a->findings[i]);
    fal_jw_end_array(&w), fal_jw_key(&w, "facts"), fal_jw_array(&w);
    for (size_t i = 0; i < a->fact_count; i++)
        put_fact(&w, &a->facts[i]);
    fal_jw_end_array(&w), fal_jw_key(&w, "shared"), fal_jw_array(&w);
    for (size_t i = 0; i < a->overlap_count; i++)
        put_overlap(&w, a, &a->overlaps[i]);
    fal_jw_end_array(&w), fal_jw_key(&w, "pairs"), fal_jw_array(&w);
    for (size_t i = 0; i < a->pair_count; i++)
        put_pair(&w, a, &a->pairs[i]);
    fal_jw_end_array(&w), fal_jw_key(&w, "failures"), fal_jw_array(&w);
    for (size_t i = 0; i < a->failure_count; i++)
        put_failure(&w, &a->failures[i]);
    fal_jw_end_array(&w), fal_jw_end_object(&w);
    if (text.failed) {
        fal_buf_free(&text);
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory for the audit's JSON");
    }
    *json = text.data;
    return FAL_OK;
}
