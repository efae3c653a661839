#include "puppet/crew.h"

#include "core/alloc.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child sends; the whole fits the buffer of a pipe, so that it never waits for the reader. */
typedef struct message {
    fal_status st;
    fal_error err;
    unsigned char result[PUP_RESULT_MAX];
} message;

typedef struct child {
    pid_t pid; /* 0: slot is free */
    int from;  /* reading end of its pipe */
    int64_t index;
} child;

static void write_all(int to, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t wrote = write(to, at, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return; /* the parent sees a short message */
        at += wrote;
        length -= (size_t)wrote;
    }
}

static size_t read_all(int from, void *bytes, size_t length)
{
    size_t total = 0;
    while (total < length) {
        ssize_t got = read(from, (char *)bytes + total, length - total);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        total += (size_t)got;
    }
    return total;
}

static void run_child(const pup_crew *crew, int64_t index, int to)
{
    message m = {0};
    m.st = crew->job(crew->context, index, m.result, &m.err);
    write_all(to, &m, sizeof m);
    _exit(0);
}

static fal_status launch(const pup_crew *crew, int64_t index, child *out, fal_error *err)
{
    int ends[2];
    if (pipe(ends) != 0)
        return fal_fail_errno(err, "making a pipe");
    pid_t pid = fork();
    if (pid < 0) {
        fal_status st = fal_fail_errno(err, "starting a process");
        close(ends[0]);
        close(ends[1]);
        return st;
    }
    if (pid == 0) {
        close(ends[0]);
        run_child(crew, index, ends[1]);
    }
    close(ends[1]);
    *out = (child){pid, ends[0], index};
    return FAL_OK;
}

static fal_status collect(const pup_crew *crew, child *c, int wait_status, void *results, fal_error *err)
{
    fal_status st = FAL_OK;
    message m;
    size_t got = read_all(c->from, &m, sizeof m);
    close(c->from);
    c->pid = 0;
    if (WIFSIGNALED(wait_status))
        FAL_FAIL(FAL_ERR_INTERNAL, "job %lld was ended by signal %d", (long long)c->index, WTERMSIG(wait_status));
    if (got != sizeof m)
        FAL_FAIL(FAL_ERR_INTERNAL, "job %lld ended without a result", (long long)c->index);
    if (m.st != FAL_OK)
        FAL_FAIL(m.st, "%s", m.err.text);
    memcpy((char *)results + (size_t)c->index * crew->result_size, m.result, crew->result_size);
done:
    return st;
}

/* Waits for one of the children. */
static fal_status reap(const pup_crew *crew, child *children, void *results, fal_error *err)
{
    int wait_status;
    pid_t pid;
    do
        pid = wait(&wait_status);
    while (pid < 0 && errno == EINTR);
    for (int64_t i = 0; i < crew->at_once; i++)
        if (pid > 0 && children[i].pid == pid)
            return collect(crew, &children[i], wait_status, results, err);
    return fal_fail(err, FAL_ERR_INTERNAL, "waiting for a process that is not ours");
}

static child *free_slot(child *children, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (children[i].pid == 0)
            return &children[i];
    return NULL;
}

fal_status pup_crew_run(const pup_crew *crew, void *results, fal_error *err)
{
    fal_status st = FAL_OK;
    child *children = NULL;
    int64_t next = 0, running = 0, finished = 0;
    if (crew->result_size > PUP_RESULT_MAX)
        FAL_FAIL(FAL_ERR_INTERNAL, "result of %zu bytes, at most %d fit", crew->result_size, PUP_RESULT_MAX);
    FAL_ALLOC(children, fal_calloc((size_t)crew->at_once, sizeof *children));
    while (finished < crew->count) {
        while (next < crew->count && running < crew->at_once) {
            FAL_TRY(launch(crew, next, free_slot(children, crew->at_once), err));
            next++;
            running++;
        }
        running--;
        FAL_TRY(reap(crew, children, results, err));
        finished++;
        if (crew->progress)
            crew->progress(crew->context, finished, crew->count);
    }
done:
    for (; running > 0; running--)
        reap(crew, children, results, NULL);
    fal_free(children);
    return st;
}
