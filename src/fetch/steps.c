/* What to do by hand, for people. */
#include "fetch/pull.h"

#include "core/buf.h"

static void say_file(const fal_pull_job *job, const fal_model_file *file, int step, fal_buf *out)
{
    if (!job->page && file->urls[0])
        fal_buf_printf(out, "%d. Download %s\n     %s\n", step, file->name, file->urls[0]);
    else
        fal_buf_printf(out, "%d. Download %s there\n", step, file->name);
    if (file->md5)
        fal_buf_printf(out, "   (its MD5 begins with %s)\n", file->md5);
    fal_buf_printf(out, "   and put it at\n     %s/%s\n", job->folder, file->name);
}

fal_status fal_pull_steps(const fal_pull_job *job, const fal_pull_report *report, char **steps, fal_error *err)
{
    fal_buf text = {0};
    int step = 1;
    if (job->page)
        fal_buf_printf(&text, "%d. Open this page in a browser (from %s)\n     %s\n", step++, job->source, job->page);
    else
        fal_buf_printf(&text, "%d. Look at %s\n", step++, job->source);
    for (size_t i = 0; i < report->file_count; i++)
        if (report->files[i].how == FAL_PULL_BY_HAND)
            say_file(job, &job->files[i], step++, &text);
    fal_buf_printf(&text, "%d. Run this again, to check it and to write its receipt\n     %s %s\n", step, job->command,
                   job->name);
    if (text.failed) {
        fal_buf_free(&text);
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    }
    *steps = text.data;
    return FAL_OK;
}
