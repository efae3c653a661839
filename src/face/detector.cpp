/* The only file of the library that sees dlib. No exception leaves it: each C function below runs its work inside
 * `guarded`. */
extern "C" {
#include "face/detector.h"
#include "face/shape.h"
}

#include <dlib/image_processing/object_detector.h>
#include <dlib/image_processing/scan_fhog_pyramid.h>
#include <dlib/image_transforms.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <vector>

namespace
{
const char *const debian_model_path = "/usr/share/dlib/shape_predictor_68_face_landmarks.dat";

using gray_image = dlib::array2d<unsigned char>;
using face_scanner = dlib::scan_fhog_pyramid<dlib::pyramid_down<6>>;
using face_finder = dlib::object_detector<face_scanner>; /* dlib's frontal_face_detector */

/* Written by unpack_filters.cpp. */
const unsigned char packed_finder[] = {
#include "face_filters.inc"
};

/* Runs `work`, which returns a status, and turns what it throws into one. */
template <typename Work> fal_status guarded(fal_error *err, Work work)
{
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return fal_fail(err, FAL_ERR_MEMORY, "face detector: out of memory");
    } catch (const std::exception &e) {
        return fal_fail(err, FAL_ERR_INTERNAL, "face detector: %s", e.what());
    } catch (...) {
        return fal_fail(err, FAL_ERR_INTERNAL, "face detector: unknown exception");
    }
}

void copy_gray(const fal_picture *gray, gray_image &image)
{
    image.set_size(gray->height, gray->width);
    for (int64_t y = 0; y < gray->height; y++)
        std::memcpy(&image[y][0], gray->pixels + y * gray->stride, static_cast<size_t>(gray->width));
}

fal_rect to_rect(const dlib::rectangle &r)
{
    return {r.left(), r.top(), r.right(), r.bottom()};
}
} // namespace

struct fal_detector {
    face_finder faces;
    face_finder one_size; /* the same filters without a pyramid, for tiles */
    std::shared_ptr<const fal_shape_model> points;
    gray_image image, enlarged;
    std::vector<dlib::rect_detection> found;
};

namespace
{
fal_status load_points(const char *path, std::shared_ptr<const fal_shape_model> &out, fal_error *err)
{
    fal_shape_model *model = nullptr;
    fal_status st = fal_shape_model_read(path, &model, err);
    if (st == FAL_ERR_NOT_FOUND)
        return fal_fail(err, FAL_ERR_NOT_FOUND,
                        "%s: no landmark model there; Debian's package libdlib-data has it as %s, or name the file in "
                        "FALSETTO_LANDMARKS",
                        path, debian_model_path);
    if (st != FAL_OK)
        return st;
    out.reset(model, [](fal_shape_model *m) { fal_shape_model_free(&m); });
    return FAL_OK;
}

/* The same detector, looking at the picture as it is only. */
face_finder without_pyramid(const face_finder &faces)
{
    face_scanner scanner;
    scanner.copy_configuration(faces.get_scanner());
    scanner.set_max_pyramid_levels(1);
    std::vector<face_finder::feature_vector_type> weights;
    for (unsigned long i = 0; i < faces.num_detectors(); i++)
        weights.push_back(faces.get_w(i));
    return face_finder(scanner, faces.get_overlap_tester(), weights);
}

/* Whether a window's features come from the tile alone: one cell away from its sides, unless the level ends there. */
bool inside_tile(const dlib::rectangle &r, const fal_level_tile &tile)
{
    const int64_t right = tile.left + tile.pixels.width, bottom = tile.top + tile.pixels.height;
    return (r.left() >= FAL_LEVEL_CELL || tile.left == 0) && (r.top() >= FAL_LEVEL_CELL || tile.top == 0) &&
           (r.right() + FAL_LEVEL_CELL < tile.pixels.width || right == tile.level.width) &&
           (r.bottom() + FAL_LEVEL_CELL < tile.pixels.height || bottom == tile.level.height);
}

/* From a tile to the frame, rounded to whole pixels where dlib's own search rounds. */
fal_rect tile_to_frame(const dlib::rectangle &r, const fal_level_tile &tile)
{
    const dlib::pyramid_down<6> levels;
    const dlib::pyramid_down<2> enlarging;
    const dlib::rectangle in_level = dlib::translate_rect(r, dlib::point(tile.left, tile.top));
    const dlib::rectangle enlarged = levels.rect_up(in_level, static_cast<unsigned>(tile.level.index));
    const dlib::rectangle in_frame = enlarging.rect_down(enlarged);
    return to_rect(in_frame);
}

fal_status check_gray(const fal_picture *gray, fal_error *err)
{
    if (gray->channels != 1 || gray->width < 1 || gray->height < 1 || gray->stride < gray->width)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "face detector: picture is %lld x %lld with %d channels, stride %lld, expected a gray one",
                        static_cast<long long>(gray->width), static_cast<long long>(gray->height), gray->channels,
                        static_cast<long long>(gray->stride));
    return FAL_OK;
}
} // namespace

extern "C" fal_status fal_detector_open(const char *model_path, fal_detector **out, fal_error *err)
{
    return guarded(err, [&] {
        const char *path = model_path ? model_path : std::getenv("FALSETTO_LANDMARKS");
        auto detector = std::make_unique<fal_detector>();
        fal_status st = load_points(path && *path ? path : debian_model_path, detector->points, err);
        if (st != FAL_OK)
            return st;
        std::istringstream packed(std::string(std::begin(packed_finder), std::end(packed_finder)));
        dlib::deserialize(detector->faces, packed);
        detector->one_size = without_pyramid(detector->faces);
        *out = detector.release();
        return FAL_OK;
    });
}

extern "C" fal_status fal_detector_clone(const fal_detector *detector, fal_detector **out, fal_error *err)
{
    return guarded(err, [&] {
        auto copy = std::make_unique<fal_detector>();
        copy->faces = detector->faces;
        copy->one_size = detector->one_size;
        copy->points = detector->points;
        *out = copy.release();
        return FAL_OK;
    });
}

extern "C" void fal_detector_free(fal_detector **detector)
{
    if (!detector)
        return;
    delete *detector;
    *detector = nullptr;
}

extern "C" fal_status fal_detector_find(fal_detector *detector, const fal_picture *gray, bool upsample,
                                        double threshold, fal_face_box *boxes, size_t capacity, size_t *count,
                                        fal_error *err)
{
    return guarded(err, [&] {
        fal_status st = check_gray(gray, err);
        if (st != FAL_OK)
            return st;
        const dlib::pyramid_down<2> pyramid;
        copy_gray(gray, detector->image);
        if (upsample)
            dlib::pyramid_up(detector->image, detector->enlarged, pyramid);
        detector->faces(upsample ? detector->enlarged : detector->image, detector->found, threshold);
        for (size_t i = 0; i < detector->found.size() && i < capacity; i++) {
            const dlib::rect_detection &d = detector->found[i];
            const dlib::rectangle rect = upsample ? dlib::rectangle(pyramid.rect_down(d.rect)) : d.rect;
            boxes[i].rect = to_rect(rect);
            boxes[i].score = d.detection_confidence;
        }
        *count = detector->found.size();
        return FAL_OK;
    });
}

extern "C" fal_status fal_detector_find_in_tile(fal_detector *detector, const fal_level_tile *tile, double threshold,
                                                fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err)
{
    return guarded(err, [&] {
        fal_status st = check_gray(&tile->pixels, err);
        if (st != FAL_OK)
            return st;
        size_t n = 0;
        copy_gray(&tile->pixels, detector->image);
        detector->one_size(detector->image, detector->found, threshold);
        for (const dlib::rect_detection &d : detector->found) {
            if (!inside_tile(d.rect, *tile))
                continue;
            if (n < capacity)
                boxes[n] = {tile_to_frame(d.rect, *tile), d.detection_confidence};
            n++;
        }
        *count = n;
        return FAL_OK;
    });
}

extern "C" fal_status fal_detector_landmarks(const fal_detector *detector, const fal_picture *gray, fal_rect box,
                                             fal_landmarks *out, fal_error *err)
{
    fal_status st = check_gray(gray, err);
    if (st == FAL_OK)
        fal_shape_model_predict(detector->points.get(), gray, box, out);
    return st;
}
