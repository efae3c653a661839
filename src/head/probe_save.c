/* Our own file form of a probe: safetensors with head.weight [1,D], head.bias [1] and "falsetto.*" metadata. */
#include "core/json.h"
#include "head/probe_fit.h"
#include "weights/safetensors_write.h"

#include <stdio.h>

enum { MAX_METADATA = 24, NUMBER = 32 };

typedef struct notes {
    fal_metadata entries[MAX_METADATA];
    char numbers[MAX_METADATA][NUMBER];
    size_t count;
} notes;

static void note(notes *n, const char *key, const char *value)
{
    if (value)
        n->entries[n->count++] = (fal_metadata){key, value};
}

static void note_real(notes *n, const char *key, double value)
{
    fal_format_double(n->numbers[n->count], value);
    note(n, key, n->numbers[n->count]);
}

static void note_count(notes *n, const char *key, size_t value)
{
    snprintf(n->numbers[n->count], NUMBER, "%zu", value);
    note(n, key, n->numbers[n->count]);
}

static void note_flag(notes *n, const char *key, bool value)
{
    note(n, key, value ? "true" : "false");
}

static void describe(notes *n, const fal_probe *probe, const fal_probe_training *training,
                     const fal_probe_report *report)
{
    const fal_calibration *c = &report->calibration;
    note(n, "format", "pt");
    note(n, "falsetto.kind", "probe");
    note(n, "falsetto.encoder", training->encoder);
    note(n, "falsetto.encoder.family", training->family);
    note(n, "falsetto.encoder.feature", training->feature);
    note(n, "falsetto.stream", fal_stream_name(training->stream));
    note_flag(n, "falsetto.l2", probe->l2_normalise);
    note_flag(n, "falsetto.demonstration", training->demonstration);
    note_flag(n, "falsetto.calibration.fitted", c->fitted);
    note_real(n, "falsetto.calibration.slope", c->slope);
    note_real(n, "falsetto.calibration.length_slope", c->length_slope);
    note_real(n, "falsetto.calibration.offset", c->offset);
    note_real(n, "falsetto.band.low", c->low);
    note_real(n, "falsetto.band.high", c->high);
    note_count(n, "falsetto.train.clips", report->train_clips);
    note_count(n, "falsetto.validation.clips", report->validation_clips);
    note_count(n, "falsetto.train.best_epoch", (size_t)report->best_epoch);
    note_real(n, "falsetto.validation.loss", report->best_validation_loss);
}

fal_status fal_probe_save(const char *path, const fal_probe *probe, const fal_probe_training *training,
                          const fal_probe_report *report, fal_error *err)
{
    notes metadata = {.count = 0};
    describe(&metadata, probe, training, report);
    const fal_named_tensor tensors[] = {
        {"head.weight", fal_tensor_f32(probe->weight, 2, (int64_t[]){1, probe->dim})},
        {"head.bias", fal_tensor_f32(&probe->bias, 1, (int64_t[]){1})},
    };
    return fal_safetensors_write(path, tensors, 2, FAL_F32, metadata.entries, metadata.count, err);
}
