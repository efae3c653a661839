/* The pickle reader alone: mutations reach its opcodes without a container around them. */
#include "weights_common.h"

#include "weights/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_arena *arena = fal_arena_create();
    fal_pickle pickle = {.origin = "fuzz", .arena = arena};
    fal_error err = {0};
    int steps = 0;
    if (!arena)
        return 0;
    if (fal_pickle_read(data, size, &pickle, &err) == FAL_OK) {
        FAL_INVARIANT(pickle.object != NULL && pickle.consumed <= size);
        for (const fal_tensor_record *r = pickle.tensors; r; r = r->next)
            FAL_INVARIANT(r->offset <= r->storage->view_offset + r->storage->view_bytes);
        touch_value(pickle.object, false, 0, &steps);
    } else {
        FAL_INVARIANT(err.text[0] != '\0');
    }
    fal_arena_free(&arena);
    return 0;
}
