/* AVX-512: 28 accumulators and 2 columns of b fill 30 of 32 registers; a is broadcast from memory. */
#define LANES 16
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define TABLE fal_kernels_avx512
#define TABLE_NAME "avx512"
#include "tensor/kernels_impl.h"
