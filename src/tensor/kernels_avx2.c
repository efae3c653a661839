/* AVX2 with FMA: 12 accumulators, 2 columns of b and one broadcast fill 15 of 16 registers. */
#define LANES 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TABLE fal_kernels_avx2
#define TABLE_NAME "avx2"
#include "tensor/kernels_impl.h"
