#include "sweep.h"

#include <math.h>
#include <stdio.h>

static void print_share(double value)
{
    if (isnan(value))
        printf("  %7s", "-");
    else
        printf("  %7.4f", value);
}

static void print_table(const fal_layer_sweep *sweep)
{
    printf("%-16s %8s %7s  %15s  %7s  %7s\n", "array", "channels", "epochs", "validation loss", "AUC", "AP");
    for (size_t i = 0; i < sweep->count; i++) {
        const fal_layer_result *layer = &sweep->layers[i];
        printf("%-16s %8lld %7d  %15.5f", layer->array, (long long)layer->dim, layer->epochs_run,
               layer->validation_loss);
        print_share(layer->auc);
        print_share(layer->ap);
        printf("%s\n", i == sweep->best ? "  best" : "");
    }
}

int cli_sweep(const fal_head_training *training, const char *patterns, const char *folder)
{
    fal_error err;
    fal_layer_sweep sweep;
    fal_status st = fal_layer_sweep_run(training, patterns, folder, &sweep, &err);
    cli_progress_done();
    if (st != FAL_OK)
        return cli_fail(&err);
    print_table(&sweep);
    if (folder)
        printf("heads: %s/%s.safetensors and so on\n", folder, sweep.layers[sweep.best].array);
    fal_layer_sweep_free(&sweep);
    return EXIT_DONE;
}
