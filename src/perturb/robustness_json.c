#include "core/json.h"

#include <falsetto/perturb.h>

static void put_cell(fal_jw *w, const fal_robustness_cell *c)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "perturbation", c->name);
    fal_jw_put_double(w, "severity", c->severity);
    fal_jw_put_string(w, "unit", c->unit);
    fal_jw_put_int(w, "clips", (int64_t)c->clips);
    fal_jw_put_int(w, "left_out", (int64_t)c->left_out);
    fal_jw_put_double(w, "auc", c->auc);
    fal_jw_put_double(w, "auc_low", c->interval.low);
    fal_jw_put_double(w, "auc_high", c->interval.high);
    fal_jw_put_double(w, "clean_auc", c->clean_auc);
    fal_jw_put_double(w, "shift", c->shift);
    fal_jw_put_double(w, "fake_shift", c->fake_shift);
    fal_jw_put_double(w, "real_shift", c->real_shift);
    fal_jw_end_object(w);
}

static void put_failure(fal_jw *w, const fal_robustness_failure *f)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "path", f->path);
    fal_jw_put_string(w, "perturbation", f->name);
    fal_jw_put_double(w, "severity", f->severity);
    fal_jw_put_string(w, "reason", f->reason);
    fal_jw_end_object(w);
}

fal_status fal_robustness_json(const fal_robustness *r, char **json, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-robustness-1");
    fal_jw_put_int(&w, "clips", (int64_t)r->clips);
    fal_jw_put_int(&w, "fakes", (int64_t)r->fakes);
    fal_jw_put_int(&w, "reals", (int64_t)r->reals);
    fal_jw_put_int(&w, "judged", (int64_t)r->judged);
    fal_jw_put_int(&w, "reused", (int64_t)r->reused);
    fal_jw_key(&w, "cells"), fal_jw_array(&w);
    for (size_t i = 0; i < r->cell_count; i++)
        put_cell(&w, &r->cells[i]);
    fal_jw_end_array(&w), fal_jw_key(&w, "failures"), fal_jw_array(&w);
    for (size_t i = 0; i < r->failure_count; i++)
        put_failure(&w, &r->failures[i]);
    fal_jw_end_array(&w), fal_jw_end_object(&w);
    if (text.failed) {
        fal_buf_free(&text);
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory for the robustness table's JSON");
    }
    *json = text.data;
    return FAL_OK;
}
