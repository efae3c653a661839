/* The transfer of builds without libcurl. */
#include "fetch/transfer.h"

fal_transfer_outcome fal_transfer_run(const fal_transfer *transfer)
{
    (void)transfer;
    return (fal_transfer_outcome){.end = FAL_TRANSFER_NONE,
                                  .text = "this build of falsetto has no libcurl and cannot download"};
}
