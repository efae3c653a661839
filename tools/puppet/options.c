#include "puppet/options.h"

#include "puppet/encode.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char pup_help[] =
    "Usage: puppet -o DIR [OPTIONS]\n"
    "Draws labelled talking-head clips, real ones and forgeries with known fake segments.\n"
    "\n"
    "  -o, --out DIR            folder for clips, metadata.json and labels.csv (made when absent)\n"
    "  -n, --clips N            number of clips (24)\n"
    "  -t, --seconds S          length of each clip, 1 to 120 (4)\n"
    "      --seed N             same seed, same build: same files (1)\n"
    "      --size WxH           frame size, even numbers, 128 to 1920 (320x320)\n"
    "      --fps R              frame rate: 25, 29.97, 30000/1001 (25)\n"
    "      --fake-fraction F    share of forged clips (0.5)\n"
    "      --methods LIST       forgeries used in turn: word_audio,word_mouth,word_both,shift,voice,face (all)\n"
    "      --splits LIST        name:share,... (train:0.6,val:0.2,test:0.2); no identity or voice is in two\n"
    "      --faces N            heads in the picture, the first one speaks (1)\n"
    "      --noise SIGMA        camera noise in grey levels (2.2)\n"
    "      --leading-silence P  share of the fake clips that start with digital silence, or real:P for\n"
    "                           the real ones: plants a shortcut in the dataset (0)\n"
    "      --codec NAME         h264, hevc, mpeg4, vp9, mjpeg, ffv1 (h264)\n"
    "      --audio-codec NAME   aac, mp3, opus, flac, pcm (the codec's usual partner)\n"
    "      --crf Q              quality, 0 (best) to 51 (23)\n"
    "  -j, --jobs N             clips made at the same time (2)\n"
    "      --poses              write CLIP.poses.csv too: mouth and head as drawn in each frame\n"
    "  -q, --quiet              no progress on stderr\n"
    "  -h, --help               this page\n"
    "\n"
    "Example: puppet -o heads --clips 48 --seconds 3 --methods word_both,voice,face --seed 7\n";

typedef struct option_row option_row;
typedef fal_status option_parser(const option_row *row, const char *text, pup_options *options, fal_error *err);
struct option_row {
    const char *name;
    char letter;
    option_parser *parse; /* NULL: a switch, the bool at `offset` becomes true */
    size_t offset;
    double low, high;
};

static void *field(pup_options *options, const option_row *row)
{
    return (char *)options + row->offset;
}

static fal_status parse_number(const option_row *row, const char *text, double *out, fal_error *err)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(value) || value < row->low || value > row->high)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--%s: \"%s\" is not a number from %g to %g", row->name, text, row->low,
                        row->high);
    *out = value;
    return FAL_OK;
}

static fal_status parse_real(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    return parse_number(row, text, field(options, row), err);
}

static fal_status parse_int(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    double value = 0;
    fal_status st = parse_number(row, text, &value, err);
    if (st != FAL_OK)
        return st;
    if (value != floor(value))
        return fal_fail(err, FAL_ERR_ARGUMENT, "--%s: \"%s\" is not a whole number", row->name, text);
    *(int64_t *)field(options, row) = (int64_t)value;
    return FAL_OK;
}

static fal_status parse_seed(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || errno || text[0] == '-')
        return fal_fail(err, FAL_ERR_ARGUMENT, "--seed: \"%s\" is not a whole number from 0 to 2^64-1", text);
    *(uint64_t *)field(options, row) = value;
    return FAL_OK;
}

static fal_status parse_text(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    if (!*text)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--%s: the value is empty", row->name);
    *(const char **)field(options, row) = text;
    return FAL_OK;
}

static fal_status parse_size(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    int width, height, used = 0;
    if (sscanf(text, "%4dx%4d%n", &width, &height, &used) != 2 || text[used])
        return fal_fail(err, FAL_ERR_ARGUMENT, "--size: \"%s\" is not WIDTHxHEIGHT, e.g. 320x240", text);
    if (width < row->low || width > row->high || height < row->low || height > row->high || width % 2 || height % 2)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--size: %dx%d, want even numbers from %g to %g", width, height,
                        row->low, row->high);
    options->width = width;
    options->height = height;
    return FAL_OK;
}

static fal_status parse_fps(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    int num, den;
    if (!pup_parse_rate(text, &num, &den) || (double)num / den < row->low || (double)num / den > row->high)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--fps: \"%s\" is not a frame rate from %g to %g", text, row->low,
                        row->high);
    options->fps_num = num;
    options->fps_den = den;
    return FAL_OK;
}

static fal_status parse_methods(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    options->method_count = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        pup_method method = pup_method_find(at, length);
        if (method == PUP_METHODS)
            return fal_fail(err, FAL_ERR_ARGUMENT, "--%s: no method \"%.*s\" (see --help)", row->name, (int)length, at);
        for (int i = 0; i < options->method_count; i++)
            if (options->methods[i] == method)
                return fal_fail(err, FAL_ERR_ARGUMENT, "--%s: %.*s is there twice", row->name, (int)length, at);
        options->methods[options->method_count++] = method;
        at += length;
        if (!*at)
            return FAL_OK;
    }
}

static fal_status parse_one_split(const char *text, size_t length, pup_options *options, fal_error *err)
{
    pup_split split = {.name = ""};
    int used = 0;
    if (options->split_count == PUP_MAX_SPLITS)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--splits: more than %d", PUP_MAX_SPLITS);
    if (sscanf(text, "%23[A-Za-z0-9_-]:%lf%n", split.name, &split.share, &used) != 2 || (size_t)used != length ||
        !(split.share > 0 && split.share <= 1e6))
        return fal_fail(err, FAL_ERR_ARGUMENT, "--splits: \"%.*s\" is not name:share with a share above 0", (int)length,
                        text);
    for (int i = 0; i < options->split_count; i++)
        if (strcmp(options->splits[i].name, split.name) == 0)
            return fal_fail(err, FAL_ERR_ARGUMENT, "--splits: %s is there twice", split.name);
    options->splits[options->split_count++] = split;
    return FAL_OK;
}

static fal_status parse_splits(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    (void)row;
    double total = 0;
    options->split_count = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        fal_status st = parse_one_split(at, length, options, err);
        if (st != FAL_OK)
            return st;
        total += options->splits[options->split_count - 1].share;
        at += length;
        if (!*at)
            break;
    }
    for (int i = 0; i < options->split_count; i++)
        options->splits[i].share /= total;
    return FAL_OK;
}

static fal_status parse_silence(const option_row *row, const char *text, pup_options *options, fal_error *err)
{
    options->silence_on_real = strncmp(text, "real:", 5) == 0;
    return parse_number(row, options->silence_on_real ? text + 5 : text, &options->leading_silence, err);
}

#define AT(member) offsetof(pup_options, member)
static const option_row rows[] = {
    {"out", 'o', parse_text, AT(out_dir), 0, 0},
    {"clips", 'n', parse_int, AT(clips), 1, PUP_MAX_CLIPS},
    {"seconds", 't', parse_real, AT(seconds), 1, 120},
    {"seed", 0, parse_seed, AT(seed), 0, 0},
    {"size", 0, parse_size, 0, 128, 1920},
    {"fps", 0, parse_fps, 0, 5, 120},
    {"fake-fraction", 0, parse_real, AT(fake_fraction), 0, 1},
    {"methods", 0, parse_methods, 0, 0, 0},
    {"splits", 0, parse_splits, 0, 0, 0},
    {"faces", 0, parse_int, AT(faces), 1, PUP_MAX_FACES},
    {"noise", 0, parse_real, AT(noise), 0, 40},
    {"leading-silence", 0, parse_silence, 0, 0, 1},
    {"codec", 0, parse_text, AT(codec), 0, 0},
    {"audio-codec", 0, parse_text, AT(audio_codec), 0, 0},
    {"crf", 0, parse_int, AT(crf), 0, 51},
    {"jobs", 'j', parse_int, AT(jobs), 1, 256},
    {"poses", 0, NULL, AT(poses), 0, 0},
    {"quiet", 'q', NULL, AT(quiet), 0, 0},
    {"help", 'h', NULL, AT(help), 0, 0},
};

/* The row for "--name", "--name=value", "-x" or "-xvalue"; *value is the attached value, or NULL. */
static const option_row *find_row(const char *argument, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i].name);
        if (rows[i].letter && argument[0] == '-' && argument[1] == rows[i].letter) {
            *value = argument[2] ? argument + 2 : NULL;
            return &rows[i];
        }
        if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, rows[i].name, length) != 0)
            continue;
        const char *rest = argument + 2 + length;
        if (*rest == '=')
            *value = rest + 1;
        if (!*rest || *rest == '=')
            return &rows[i];
    }
    return NULL;
}

static pup_options defaults(void)
{
    pup_options options = {.clips = 24,
                           .seconds = 4,
                           .seed = 1,
                           .width = 320,
                           .height = 320,
                           .fps_num = 25,
                           .fps_den = 1,
                           .fake_fraction = 0.5,
                           .codec = "h264",
                           .crf = 23,
                           .faces = 1,
                           .jobs = 2,
                           .noise = 2.2};
    for (pup_method m = PUP_WORD_AUDIO; m < PUP_METHODS; m++)
        options.methods[options.method_count++] = m;
    static const pup_split splits[] = {{"train", 0.6}, {"val", 0.2}, {"test", 0.2}};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        options.splits[options.split_count++] = splits[i];
    return options;
}

fal_status pup_options_parse(int argc, char **argv, pup_options *out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_options options = defaults();
    for (int i = 1; i < argc; i++) {
        const char *value;
        const option_row *row = find_row(argv[i], &value);
        if (!row)
            FAL_FAIL(FAL_ERR_ARGUMENT, "no option \"%s\" (see puppet --help)", argv[i]);
        if (!row->parse) {
            if (value)
                FAL_FAIL(FAL_ERR_ARGUMENT, "--%s takes no value", row->name);
            *(bool *)field(&options, row) = true;
            continue;
        }
        if (!value && i + 1 == argc)
            FAL_FAIL(FAL_ERR_ARGUMENT, "--%s: the value is missing", row->name);
        FAL_TRY(row->parse(row, value ? value : argv[++i], &options, err));
    }
    if (!options.help && !options.out_dir)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no output folder: give -o DIR (see puppet --help)");
    *out = options;
done:
    return st;
}
