#include "cli/program.h"

#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int temporary(char name[64])
{
    snprintf(name, 64, "/tmp/falsetto-cli-XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    return fd;
}

/* In the child: nothing here may return. */
static void become_program(const char *const *arguments, int in, int out, int err)
{
    const char *argv[MAX_ARGUMENTS + 2] = {FALSETTO_PROGRAM};
    for (int i = 0; arguments[i] && i < MAX_ARGUMENTS; i++)
        argv[i + 1] = arguments[i];
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(FALSETTO_PROGRAM, (char *const *)argv);
    _exit(127);
}

static running start_with(int in, const char *const *arguments)
{
    running r;
    int out = temporary(r.out), err = temporary(r.err);
    r.pid = fork();
    assert_true(r.pid >= 0);
    if (r.pid == 0)
        become_program(arguments, in, out, err);
    close(out);
    close(err);
    return r;
}

running start_arguments(const char *const *arguments)
{
    int in = open("/dev/null", O_RDONLY);
    running r = start_with(in, arguments);
    close(in);
    return r;
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    unlink(path);
    return text;
}

outcome finish(running *r)
{
    int status;
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    return (outcome){.code = WIFEXITED(status) ? WEXITSTATUS(status) : STOPPED_BY_SIGNAL + WTERMSIG(status),
                     .out = read_all(r->out),
                     .err = read_all(r->err)};
}

outcome run_arguments(const char *input, const char *const *arguments)
{
    char name[64];
    int in = temporary(name);
    if (input)
        assert_int_equal(write(in, input, strlen(input)), strlen(input));
    lseek(in, 0, SEEK_SET);
    running r = start_with(in, arguments);
    close(in);
    unlink(name);
    return finish(&r);
}

void outcome_free(outcome *o)
{
    free(o->out);
    free(o->err);
    *o = (outcome){0};
}

void expect_at(outcome o, int code, const char *out_part, const char *err_part, const char *file, int line)
{
    bool right = o.code == code && (!out_part || strstr(o.out, out_part)) && (!err_part || strstr(o.err, err_part));
    if (!right) {
        print_error("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s\nwant in stdout \"%s\", in stderr \"%s\"\n",
                    o.code, code, o.out, o.err, out_part ? out_part : "", err_part ? err_part : "");
        _fail(file, line);
    }
    outcome_free(&o);
}
