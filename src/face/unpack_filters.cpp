/* Build tool: writes dlib's frontal face detector as it is in memory, as numbers for a C array, to standard output.
 *
 * dlib carries the detector inside a header in a form so compressed that unpacking it takes most of a second. Done
 * here, once per build, it does not delay every start of the program. */
#include <dlib/image_processing/frontal_face_detector.h>

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>

int main()
{
    try {
        std::ostringstream out;
        dlib::serialize(dlib::get_frontal_face_detector(), out);
        const std::string bytes = out.str();
        for (size_t i = 0; i < bytes.size(); i++)
            std::printf("%d,%s", static_cast<unsigned char>(bytes[i]), i % 32 == 31 ? "\n" : "");
        return std::fflush(stdout) == 0 ? 0 : 1;
    } catch (const std::exception &e) {
        std::fprintf(stderr, "unpack_filters: %s\n", e.what());
        return 1;
    }
}
