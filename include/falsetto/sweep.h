/* Which layer tells fakes best: one linear probe per feature array (docs/heads-sync.md). */
#ifndef FALSETTO_SWEEP_H
#define FALSETTO_SWEEP_H

#include <falsetto/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_layer_result {
    const char *array; /* "hidden_7" */
    int64_t dim;
    int epochs_run, best_epoch;
    double validation_loss; /* of the best epoch */
    double auc, ap;         /* of the validation clips; NaN when they are of one class */
    double seconds;
} fal_layer_result;

typedef struct fal_layer_sweep {
    fal_layer_result *layers; /* [count], in the order of the layers */
    size_t count;
    size_t best; /* index of the highest AUC; of the lowest loss among equals or without an AUC */
    void *storage;
} fal_layer_sweep;

/* Trains a probe, as `training` says, on every array of the feature files whose name fits one of the `patterns`, '+'
 * between, where '*' stands for anything: "hidden_*", "hidden_6+hidden_1?". Names are those of the first training clip
 * with a file. The kind, arrays and state of `training` do not count. The heads are kept as
 * <folder>/<array>.safetensors unless `folder` is NULL. Free with fal_layer_sweep_free. */
FAL_API fal_status fal_layer_sweep_run(const fal_head_training *training, const char *patterns, const char *folder,
                                       fal_layer_sweep *out, fal_error *err);
FAL_API void fal_layer_sweep_free(fal_layer_sweep *sweep);

#ifdef __cplusplus
}
#endif
#endif
