/* The kernels of AVX-512 (16 lanes, 14x32 tiles) compiled for this build's own instruction set: the compiler splits the
 * vectors, so that their logic is tested on every CPU. */
#define LANES 16
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define TABLE test_kernels_wide
#define TABLE_NAME "wide"
#include "tensor/kernels_impl.h"
