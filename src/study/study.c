#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
#include "study/paper.h"
#include "study/sheets.h"

#include <stdarg.h>
#include <stdio.h>

struct fal_study {
    fal_study_work work;
    fal_json *paper;
    fal_study_report report;
    fal_sheet *sheets;
    size_t sheet_count;
};

/* ---- the work ---- */

static fal_status open_steps(const fal_study_options *o, fal_study_work *work, fal_error *err)
{
    fal_status st = FAL_OK;
    char *folder = NULL;
    FAL_ALLOC(folder, fal_path_join(o->out, "steps"));
    FAL_TRY(fal_steps_open(folder, o->only, o->log, &work->steps, err));
done:
    fal_free(folder);
    return st;
}

fal_status fal_study_work_open(const fal_study_options *options, fal_study_work *out, fal_error *err)
{
    fal_status st = FAL_OK;
    char *own = NULL;
    fal_study_work work = {.options = options};
    FAL_ALLOC(own, fal_path_dir(options->config));
    const fal_study_folders folders = {options->data ? options->data : own, options->out};
    FAL_TRY(fal_study_plan_read(options->config, &folders, &work.plan, err));
    FAL_ALLOC(work.data, fal_arena_strdup(work.plan.arena, folders.data));
    size_t wide = work.plan.encoder_count + work.plan.pair_count;
    FAL_ALLOC(work.features, fal_calloc(work.plan.dataset_count * wide, sizeof *work.features));
    FAL_ALLOC(work.extracted, fal_calloc(work.plan.dataset_count, sizeof *work.extracted));
    FAL_ALLOC(work.needed, fal_calloc(work.plan.dataset_count * work.plan.encoder_count, sizeof *work.needed));
    fal_study_mark_needs(&work);
    FAL_TRY(open_steps(options, &work, err));
    *out = work;
    work = (fal_study_work){0};
done:
    fal_study_work_close(&work);
    fal_free(own);
    return st;
}

void fal_study_work_close(fal_study_work *work)
{
    size_t wide = work->plan.encoder_count + work->plan.pair_count;
    for (size_t i = 0; work->features && i < work->plan.dataset_count * wide; i++)
        fal_free(work->features[i].root);
    fal_free(work->features);
    fal_free(work->extracted);
    fal_free(work->needed);
    fal_steps_free(&work->steps);
    fal_study_plan_free(&work->plan);
    *work = (fal_study_work){0};
}

char *fal_study_path(const fal_study_work *work, const char *fmt, ...)
{
    va_list ap;
    char name[1024];
    va_start(ap, fmt);
    int length = vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return length >= 0 && (size_t)length < sizeof name ? fal_path_join(work->options->out, name) : NULL;
}

/* ---- tables ---- */

static fal_status make_tables(fal_study *study, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_study_plan *plan = &study->work.plan;
    FAL_ALLOC(study->sheets, fal_calloc(FAL_SHEETS_OF_A_TABLE * plan->table_count, sizeof *study->sheets));
    for (size_t i = 0; i < plan->table_count; i++)
        FAL_TRY(fal_study_make_sheets(&study->work, &plan->tables[i], study->paper, study->sheets, &study->sheet_count,
                                      err));
done:
    return st;
}

static fal_status write_sheet(const fal_study *study, const fal_sheet *sheet, fal_sheet_format format, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    char *path = NULL;
    fal_sheet_write(sheet, format, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_ALLOC(path, fal_study_path(&study->work, "tables/%s%s", sheet->id, fal_sheet_ending(format)));
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
done:
    fal_free(path);
    fal_buf_free(&text);
    return st;
}

static fal_status draw_sheet(const fal_study *study, const fal_sheet *sheet, const char *ending, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    FAL_ALLOC(path, fal_study_path(&study->work, "tables/%s%s", sheet->id, ending));
    FAL_TRY(fal_sheet_draw(sheet, path, err));
done:
    fal_free(path);
    return st;
}

static fal_status write_tables(const fal_study *study, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < study->sheet_count; i++) {
        const fal_sheet *sheet = &study->sheets[i];
        for (int format = 0; format < FAL_SHEET_FORMATS; format++)
            FAL_TRY(write_sheet(study, sheet, (fal_sheet_format)format, err));
        if (sheet->matrix.columns) {
            FAL_TRY(draw_sheet(study, sheet, ".svg", err));
            FAL_TRY(draw_sheet(study, sheet, ".png", err));
        }
    }
done:
    return st;
}

fal_status fal_study_run(const fal_study_options *options, fal_study **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_study *study = NULL;
    FAL_ALLOC(study, fal_calloc(1, sizeof *study));
    FAL_TRY(fal_paper_open(&study->paper, err));
    FAL_TRY(fal_study_work_open(options, &study->work, err));
    FAL_TRY(make_tables(study, err));
    FAL_TRY(write_tables(study, err));
    study->report = fal_steps_report(study->work.steps);
    study->work.options = NULL; /* the caller's, and not needed any more */
    *out = study;
    study = NULL;
done:
    fal_study_free(&study);
    return st;
}

void fal_study_free(fal_study **study)
{
    if (!study || !*study)
        return;
    fal_free((*study)->sheets);
    fal_study_work_close(&(*study)->work);
    fal_json_free(&(*study)->paper);
    fal_release(study);
}

const fal_study_report *fal_study_describe(const fal_study *study)
{
    return &study->report;
}

fal_status fal_study_tables(const fal_study *study, fal_table_format format, char **text, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf all = {0};
    for (size_t i = 0; i < study->sheet_count; i++) {
        fal_buf_puts(&all, i ? "\n" : "");
        fal_sheet_write(&study->sheets[i], (fal_sheet_format)format, &all);
    }
    if (all.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_ALLOC(*text, fal_strdup(all.data));
done:
    fal_buf_free(&all);
    return st;
}
