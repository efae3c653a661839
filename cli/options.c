#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT_BYTES = 96, LEAST_COLUMNS = 30, MOST_COLUMNS = 38 };

/* What stands left of the help: "-o, --output FILE". Returns its length. */
static int write_left(const cli_option *o, char out[LEFT_BYTES])
{
    return snprintf(out, LEFT_BYTES, "%s%c%s--%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                    o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ? o->value : "");
}

/* Width of the left column: that of the longest option which is not too long for any. */
static int left_columns(const cli_usage *u)
{
    char left[LEFT_BYTES];
    int columns = LEAST_COLUMNS;
    for (size_t i = 0; i < u->option_count; i++) {
        int length = u->options[i].help ? write_left(&u->options[i], left) : 0;
        if (length > columns && length <= MOST_COLUMNS)
            columns = length;
    }
    return columns;
}

static void print_option(const cli_option *o, int columns)
{
    char left[LEFT_BYTES];
    if (!o->help)
        return;
    if (write_left(o, left) > columns)
        printf("  %s\n  %-*s %s\n", left, columns, "", o->help);
    else
        printf("  %-*s %s\n", columns, left, o->help);
}

static void print_help(const cli_usage *u)
{
    static const cli_option help = {"help", 'h', CLI_FLAG, NULL, NULL, "this page"};
    int columns = left_columns(u);
    printf("Usage: falsetto %s [options] %s\n\n%s\n\nOptions:\n", u->command, u->arguments, u->summary);
    for (size_t i = 0; i < u->option_count; i++)
        print_option(&u->options[i], columns);
    print_option(&help, columns);
    printf("\nExample:\n%s\n", u->example);
}

int cli_misuse(const cli_usage *usage, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "falsetto %s: ", usage->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nUsage: falsetto %s [options] %s   (--help tells more)\n", usage->command, usage->arguments);
    return EXIT_USAGE;
}

static const cli_option *find_long(const cli_usage *u, const char *name, size_t length)
{
    for (size_t i = 0; i < u->option_count; i++)
        if (strlen(u->options[i].name) == length && !strncmp(u->options[i].name, name, length))
            return &u->options[i];
    return NULL;
}

static const cli_option *find_short(const cli_usage *u, char letter)
{
    for (size_t i = 0; i < u->option_count; i++)
        if (u->options[i].letter == letter)
            return &u->options[i];
    return NULL;
}

static bool set_choice(const cli_option *o, const char *text)
{
    int index = 0;
    size_t length = strlen(text);
    for (const char *c = o->value; c; index++) {
        size_t n = strcspn(c, "|");
        if (n == length && !strncmp(c, text, n)) {
            *(int *)o->target = index;
            return true;
        }
        c = c[n] ? c + n + 1 : NULL;
    }
    return false;
}

static bool set_int(int *target, const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > INT_MAX)
        return false;
    *target = (int)value;
    return true;
}

bool cli_real(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end)
        return false;
    *out = value;
    return true;
}

static bool set_value(const cli_option *o, const char *text)
{
    cli_list *list = o->target;
    switch (o->kind) {
    case CLI_FLAG: return !text && (*(bool *)o->target = true);
    case CLI_INT: return set_int(o->target, text);
    case CLI_REAL: return cli_real(text, o->target);
    case CLI_CHOICE: return set_choice(o, text);
    case CLI_TEXT: *(const char **)o->target = text; return true;
    case CLI_LIST:
        if (list->count == CLI_MAX_LIST)
            return false;
        list->items[list->count++] = text;
        return true;
    }
    return false;
}

/* One option at argv[*i], which starts with '-'. */
static int parse_option(const cli_usage *u, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    bool is_long = word[1] == '-';
    size_t length = is_long ? strcspn(word + 2, "=") : 1;
    const cli_option *o = is_long ? find_long(u, word + 2, length) : find_short(u, word[1]);
    if (!o)
        return cli_misuse(u, "there is no option %s", word);
    if (is_long && word[2 + length] == '=')
        value = word + 2 + length + 1;
    else if (!is_long && word[2])
        value = word + 2;
    else if (o->kind != CLI_FLAG && *i + 1 < argc)
        value = argv[++*i];
    if (o->kind != CLI_FLAG && !value)
        return cli_misuse(u, "--%s needs a value: %s", o->name, o->value);
    if (!set_value(o, value))
        return cli_misuse(u, "--%s: '%s' is not %s", o->name, value ? value : "", o->value ? o->value : "wanted here");
    return -1;
}

int cli_parse(const cli_usage *usage, int argc, char **argv, int *positional)
{
    bool options = true;
    *positional = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (options && (!strcmp(word, "--help") || !strcmp(word, "-h"))) {
            print_help(usage);
            return EXIT_DONE;
        }
        if (options && !strcmp(word, "--")) {
            options = false;
        } else if (options && word[0] == '-' && word[1]) {
            int code = parse_option(usage, argc, argv, &i);
            if (code >= 0)
                return code;
        } else {
            argv[(*positional)++] = argv[i];
        }
    }
    return -1;
}

fal_stream cli_stream(const char *text)
{
    for (int s = FAL_STREAM_AUDIO; s <= FAL_STREAM_AV; s++)
        if (!strcmp(text, fal_stream_name((fal_stream)s)))
            return (fal_stream)s;
    return (fal_stream)0;
}

fal_stream cli_split_stream(char *text)
{
    char *colon = strrchr(text, ':');
    fal_stream stream = colon ? cli_stream(colon + 1) : (fal_stream)0;
    if (stream)
        *colon = '\0';
    return stream;
}

bool cli_parse_layers(const char *text, cli_layers *out)
{
    if (!text || !strcmp(text, "last"))
        return true;
    if (!strcmp(text, "all"))
        return out->all = true;
    for (; out->count < CLI_MAX_LAYERS; text++) {
        char *end;
        long k = strtol(text, &end, 10);
        if (end == text || k < 0 || k > 100000)
            return false;
        out->items[out->count++] = (int)k;
        if (!*end)
            return true;
        if (*end != ',')
            return false;
        text = end;
    }
    return false;
}

int cli_name_encoders(const cli_usage *usage, const cli_list *names, const cli_list *features, cli_encoders *out)
{
    if (features->count > 1 && features->count != names->count)
        return cli_misuse(usage, "%zu features for %zu encoders: give one for all, or one for each in the same order",
                          features->count, names->count);
    out->items = calloc(names->count + 1, sizeof *out->items);
    for (size_t i = 0; out->items && i < names->count; i++) {
        const char *feature = features->count ? features->items[features->count == 1 ? 0 : i] : NULL;
        cli_encoder *e = &out->items[out->count++];
        e->feature = feature && strcmp(feature, "default") ? feature : NULL;
        e->name = strdup(names->items[i]);
        if (!e->name)
            return EXIT_INPUT;
        e->stream = cli_split_stream(e->name);
    }
    return out->items ? -1 : EXIT_INPUT;
}

void cli_encoders_free(cli_encoders *encoders)
{
    for (size_t i = 0; i < encoders->count; i++)
        free(encoders->items[i].name);
    free(encoders->items);
    *encoders = (cli_encoders){0};
}
