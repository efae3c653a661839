/* Any CPU: four lanes map to SSE2 or NEON, elsewhere the compiler splits them. */
#define LANES 4
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TABLE fal_kernels_baseline
#define TABLE_NAME "baseline"
#include "tensor/kernels_impl.h"
