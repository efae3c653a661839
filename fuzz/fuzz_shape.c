/* The landmark model reader; what it accepts must predict whole, finite points without touching memory that is not its
 * own. */
#include "invariant.h"

#include "face/shape.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_shape_model *model = NULL;
    fal_error err = {0};
    if (fal_shape_model_parse(data, size, "fuzz", &model, &err) != FAL_OK) {
        FAL_INVARIANT(model == NULL && err.text[0] != '\0');
        return 0;
    }
    uint8_t pixels[32 * 24];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37);
    const fal_picture gray = {pixels, 32, 24, 32, 1};
    fal_landmarks points;
    fal_shape_model_predict(model, &gray, (fal_rect){-3, 2, 40, 30}, &points);
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
        FAL_INVARIANT(isfinite(points.xy[p][0]) && points.xy[p][0] == floor(points.xy[p][0]));
    fal_shape_model_free(&model);
    return 0;
}
