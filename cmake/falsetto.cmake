# Build helpers shared by every folder: one way to declare a source folder, a test and a fuzz harness.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET
                  libavformat libavcodec libavutil libswscale libswresample libavfilter)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(CURL IMPORTED_TARGET libcurl>=7.87)
# Not find_package(dnnl CONFIG): Debian's package file asks for OpenCL headers that a CPU build has no use for.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR dnnl.h REQUIRED)
add_library(DNNL::dnnl UNKNOWN IMPORTED GLOBAL)
set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION "${DNNL_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${DNNL_INCLUDE_DIR}")

add_library(fal_flags INTERFACE)
target_compile_options(fal_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -fvisibility=hidden
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wvla>
  # Out parameters are set exactly when a call succeeds, which GCC cannot see across files; clang's check stays on.
  $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_compile_definitions(fal_flags INTERFACE _GNU_SOURCE FAL_VERSION="${PROJECT_VERSION}")
target_include_directories(fal_flags INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(fal_flags INTERFACE Threads::Threads m)
if(FALSETTO_SANITIZE)
  target_compile_options(fal_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer -g)
  target_link_options(fal_flags INTERFACE -fsanitize=address,undefined)
endif()
if(FALSETTO_FUZZ)
  target_compile_options(fal_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
# Injected allocation failure costs a branch per allocation: compiled in for sanitizer and fuzz builds only.
if(FALSETTO_SANITIZE OR FALSETTO_FUZZ)
  target_compile_definitions(fal_flags INTERFACE FAL_ALLOC_FAIL=1)
endif()

# fal_folder(NAME SOURCES a.c b.c [DEPS core tensor] [LIBS PkgConfig::JANSSON]): one src/ folder as a static library.
# DEPS are the folders it may include; scripts/check-includes holds the same rule against the #include lines.
function(fal_folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(fal_${name} STATIC ${arg_SOURCES})
  list(TRANSFORM arg_DEPS PREPEND fal_)
  target_link_libraries(fal_${name} PUBLIC fal_flags ${arg_DEPS} PRIVATE ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY FALSETTO_FOLDERS fal_${name})
endfunction()

# fal_test(FOLDER NAME [DEPS folders] [LIBS libs] [SOURCES extra.c]): tests/FOLDER/test_NAME.c as ctest "FOLDER/NAME".
function(fal_test folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target test_${folder}_${name})
  add_executable(${target} ${CMAKE_CURRENT_SOURCE_DIR}/test_${name}.c ${arg_SOURCES})
  list(TRANSFORM arg_DEPS PREPEND fal_)
  target_link_libraries(${target} PRIVATE fal_flags fal_test_support ${arg_DEPS} ${arg_LIBS})
  add_test(NAME ${folder}/${name} COMMAND ${target})
  set_tests_properties(${folder}/${name} PROPERTIES TIMEOUT 600)
endfunction()

# fal_fuzz(NAME DEPS folders): fuzz/fuzz_NAME.c with LLVMFuzzerTestOneInput. A fuzz build links libFuzzer; every other
# build links replay.c, which feeds fuzz/corpus/NAME to it as the ordinary test "fuzz/NAME".
add_custom_target(fuzzers) # every harness and nothing else
function(fal_fuzz name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS" ${ARGN})
  list(TRANSFORM arg_DEPS PREPEND fal_)
  add_executable(fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz_${name}.c)
  add_dependencies(fuzzers fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE fal_flags ${arg_DEPS} ${arg_LIBS})
  if(FALSETTO_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/replay.c)
    add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
  endif()
endfunction()
