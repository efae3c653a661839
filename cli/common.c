#include "cli.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Signal handlers and the terminal are the process's, so their state is the program's. */
static volatile sig_atomic_t stop_requested;
static struct {
    bool shown;
    double started, drawn;
    char what[64];
} bar; /* guarded by `terminal`: workers log while another reports progress */
static pthread_mutex_t terminal = PTHREAD_MUTEX_INITIALIZER;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The first signal asks the running call to end; a second one ends the program at once, leaving no temporaries. */
static void on_signal(int signal_number)
{
    (void)signal_number;
    if (stop_requested) {
        fal_discard_unfinished();
        _exit(EXIT_STOPPED);
    }
    stop_requested = 1;
}

bool cli_stopped(void)
{
    return stop_requested != 0;
}

/* "training: epoch 3, ..." is one activity with a changing remark after the colon. */
static bool same_activity(const char *a, const char *b)
{
    size_t length = strcspn(a, ":");
    return strcspn(b, ":") == length && !strncmp(a, b, length);
}

static void draw_bar(const char *what, double done, double total)
{
    char line[128];
    double t = now();
    if (!same_activity(bar.what, what)) {
        snprintf(bar.what, sizeof bar.what, "%s", what);
        bar.started = t;
        bar.drawn = 0;
    }
    if (t - bar.drawn < 0.1 && done < total)
        return;
    bar.drawn = t;
    bar.shown = true;
    fal_progress_format(line, sizeof line, 79, what, done, total, t - bar.started);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
}

static void on_progress(void *user, const char *what, double done, double total)
{
    (void)user;
    pthread_mutex_lock(&terminal);
    draw_bar(what, done, total);
    pthread_mutex_unlock(&terminal);
}

static void clear_bar(void)
{
    if (bar.shown)
        fputs("\r\033[K", stderr);
    bar.shown = false;
    bar.what[0] = '\0';
}

void cli_progress_done(void)
{
    pthread_mutex_lock(&terminal);
    clear_bar();
    pthread_mutex_unlock(&terminal);
}

static void on_log(void *user, fal_log_level level, const char *component, const char *text)
{
    (void)user;
    static const char *const names[] = {"error", "warning", "", "debug"};
    pthread_mutex_lock(&terminal);
    clear_bar();
    fprintf(stderr, "falsetto %s: %s%s%s\n", component, names[level], names[level][0] ? ": " : "", text);
    pthread_mutex_unlock(&terminal);
}

void cli_begin(cli_common *common)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    common->log = (fal_log){.write = on_log,
                            .level = common->verbose ? FAL_LOG_INFO
                                     : common->quiet ? FAL_LOG_ERROR
                                                     : FAL_LOG_WARN,
                            .trace = common->trace};
    common->progress = (fal_progress){.report = !common->quiet && isatty(STDERR_FILENO) ? on_progress : NULL,
                                      .cancel = &stop_requested};
}

fal_number_format cli_numbers(const cli_common *common)
{
    return common->precision == 1 ? FAL_NUMBERS_BF16 : FAL_NUMBERS_F32;
}

int cli_fail(const fal_error *err)
{
    cli_progress_done();
    fprintf(stderr, "falsetto: %s\n", err->text);
    return err->code == FAL_ERR_CANCELLED ? EXIT_STOPPED : EXIT_INPUT;
}

void cli_warn(const char *fmt, ...)
{
    va_list ap;
    cli_progress_done();
    fputs("falsetto: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}
