/* Names for files that are not weights: what people have instead of the download they wanted. */
#include "weights/container.h"

#include <string.h>
#include <strings.h>

typedef struct signature {
    size_t at;
    const char *bytes;
    size_t length;
    fal_status status;
    const char *what;
} signature;

#define BYTES(text) text, sizeof(text) - 1

static const signature signatures[] = {
    {0, BYTES("version https://git-lfs"), FAL_ERR_FORMAT,
     "a Git LFS pointer, not the weights: fetch them with \"git lfs pull\" or download the file itself"},
    {0, BYTES("<!doctype"), FAL_ERR_FORMAT, "a web page, not weights: the download link led to a page"},
    {0, BYTES("<html"), FAL_ERR_FORMAT, "a web page, not weights: the download link led to a page"},
    {0, BYTES("<?xml"), FAL_ERR_FORMAT, "an XML text (often a server's error message), not weights"},
    {0, BYTES("{"), FAL_ERR_FORMAT, "a JSON text (a configuration or a server's error message), not weights"},
    {0, BYTES("\x1f\x8b"), FAL_ERR_UNSUPPORTED, "gzip-compressed: decompress it first"},
    {0, BYTES("7z\xbc\xaf\x27\x1c"), FAL_ERR_UNSUPPORTED, "a 7z archive: unpack it first"},
    {0, BYTES("\xfd" "7zXZ"), FAL_ERR_UNSUPPORTED, "xz-compressed: decompress it first"},
    {0, BYTES("BZh"), FAL_ERR_UNSUPPORTED, "bzip2-compressed: decompress it first"},
    {0, BYTES("\x28\xb5\x2f\xfd"), FAL_ERR_UNSUPPORTED, "zstd-compressed: decompress it first"},
    {0, BYTES("Rar!"), FAL_ERR_UNSUPPORTED, "a RAR archive: unpack it first"},
    {257, BYTES("ustar"), FAL_ERR_UNSUPPORTED,
     "a tar archive: unpack it first (if PyTorch before 0.4 wrote it, save it again with a newer one)"},
    {0, BYTES("\x89HDF\r\n"), FAL_ERR_UNSUPPORTED, "an HDF5 file (Keras), not PyTorch or safetensors weights"},
    {0, BYTES("GGUF"), FAL_ERR_UNSUPPORTED, "a GGUF file, not PyTorch or safetensors weights"},
    {4, BYTES("TFL3"), FAL_ERR_UNSUPPORTED, "a TensorFlow Lite model, not PyTorch or safetensors weights"},
    {0, BYTES("\x93NUMPY"), FAL_ERR_UNSUPPORTED, "a NumPy array, not PyTorch or safetensors weights"},
    {0, BYTES("PK\x05\x06"), FAL_ERR_FORMAT, "an empty zip file"},
    {0, BYTES("\x80"), FAL_ERR_UNSUPPORTED, "a Python pickle that PyTorch did not write"},
};

/* ONNX and TensorFlow's SavedModel are protocol buffers; their first field is a small version number, and a producer or
 * an operator list follows. */
static const char *protobuf(const fal_source *source)
{
    size_t window = source->size < 4096 ? source->size : 4096;
    if (source->size < 4 || source->bytes[0] != 0x08)
        return NULL;
    if (memmem(source->bytes, window, "saved_model", 11) || memmem(source->bytes, window, "tensorflow", 10))
        return "a TensorFlow model, not PyTorch or safetensors weights";
    if (source->bytes[2] == 0x12)
        return "an ONNX model, not PyTorch or safetensors weights";
    return NULL;
}

static bool all_zero(const fal_source *source)
{
    size_t window = source->size < 512 ? source->size : 512, i = 0;
    while (i < window && source->bytes[i] == 0)
        i++;
    return i == window;
}

fal_status fal_refuse_unknown(const fal_source *source, fal_error *err)
{
    const char *start = (const char *)source->bytes;
    if (source->size == 0)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: an empty file: download it again", source->origin);
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        /* Without case: DOCTYPE and HTML are written either way. */
        if (source->size >= s->at + s->length && strncasecmp(start + s->at, s->bytes, s->length) == 0)
            return fal_fail(err, s->status, "%s: %s", source->origin, s->what);
    }
    if (protobuf(source))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: %s", source->origin, protobuf(source));
    if (all_zero(source))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: starts with zeros: an unfinished download", source->origin);
    return fal_fail(err, FAL_ERR_UNSUPPORTED,
                    "%s: neither safetensors nor a PyTorch file (it starts with %02x %02x %02x %02x)", source->origin,
                    source->bytes[0], source->size > 1 ? source->bytes[1] : 0, source->size > 2 ? source->bytes[2] : 0,
                    source->size > 3 ? source->bytes[3] : 0);
}
