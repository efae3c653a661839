#include "study/puppets.h"

#include "core/file.h"
#include "core/json.h"
#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { MAX_ARGUMENTS = 32 };

typedef struct arguments {
    char *words[MAX_ARGUMENTS];
    size_t count;
    char numbers[8][32];
    size_t number_count;
} arguments;

/* posix_spawn does not write to its arguments, but takes them as char *. */
static void add(arguments *a, const char *option, const char *value)
{
    a->words[a->count++] = (char *)option;
    if (value)
        a->words[a->count++] = (char *)value;
}

static void add_number(arguments *a, const char *option, double value)
{
    char *text = a->numbers[a->number_count++];
    fal_format_double(text, value);
    add(a, option, text);
}

static void name_arguments(const fal_puppet_call *call, arguments *a)
{
    const fal_study_puppets *p = call->puppets;
    add(a, call->program ? call->program : "puppet", NULL);
    add(a, "--out", call->out);
    add(a, "--quiet", NULL);
    add_number(a, "--jobs", call->jobs > 0 ? call->jobs : fal_cpu_count());
    if (p->clips)
        add_number(a, "--clips", (double)p->clips);
    add_number(a, "--seed", (double)p->seed);
    if (p->seconds > 0)
        add_number(a, "--seconds", p->seconds);
    if (p->fake_fraction > 0)
        add_number(a, "--fake-fraction", p->fake_fraction);
    if (p->methods)
        add(a, "--methods", p->methods);
    if (p->leading_silence)
        add(a, "--leading-silence", p->leading_silence);
    if (p->splits)
        add(a, "--splits", p->splits);
}

static fal_status wait_for(pid_t child, const fal_puppet_call *call, fal_error *err)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    int status = 0;
    pid_t ended;
    bool stopped = false;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        fal_progress_report(call->progress, "drawing puppets", 0, 0);
        if (!stopped && (stopped = fal_progress_cancelled(call->progress)))
            kill(child, SIGTERM);
        nanosleep(&pause, NULL);
    }
    if (stopped)
        return fal_fail(err, FAL_ERR_CANCELLED, "stopped on request");
    if (ended < 0)
        return fal_fail_errno(err, "waiting for the puppet program");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fal_fail(err, FAL_ERR_IO, "the puppet program did not make %s (%s %d)", call->out,
                        WIFEXITED(status) ? "exit code" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return FAL_OK;
}

fal_status fal_puppets_draw(const fal_puppet_call *call, fal_error *err)
{
    fal_status st = FAL_OK;
    pid_t child;
    arguments a = {0};
    FAL_TRY(fal_make_dirs(call->out, err));
    name_arguments(call, &a);
    int failed = posix_spawnp(&child, a.words[0], NULL, NULL, a.words, environ);
    if (failed)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "%s, which draws the puppets, cannot be run: %s", a.words[0], strerror(failed));
    FAL_TRY(wait_for(child, call, err));
done:
    return st;
}
