# cmake -DBUILD_DIR=… -DSOURCE_DIR=… -DVERSION=… [-DOUTPUT_DIR=…] [-DTORCH_DIR=…] [-DREHEARSAL=ON] -P Package.cmake
# Packs what `cmake --install` lays, and every library of the system that it needs but glibc's, as one folder that runs
# wherever it is unpacked: BUILD_DIR/package/vlp-VERSION-x86_64.tar.gz.
#
#   OUTPUT_DIR  where the archive goes instead of BUILD_DIR/package
#   TORCH_DIR   puts LibTorch of this folder (.../site-packages/torch) inside, as lib/torch, without its CUDA half
#   REHEARSAL   what gpu/rehearse needs, too: vlp-gpu-VERSION-x86_64.tar.gz
#
# bin/vlp has an RPATH to lib/ (cmake/VlpFlags.cmake), so that the libraries there are found for all that it opens.
# LibTorch is found as src/main/libraries.cpp says; lib/torch comes first.

cmake_minimum_required(VERSION 3.25)

foreach(name IN ITEMS BUILD_DIR SOURCE_DIR VERSION)
  if(NOT ${name})
    message(FATAL_ERROR "Package.cmake: no ${name}")
  endif()
endforeach()

set(name "vlp-${VERSION}-x86_64")
set(components "")
if(REHEARSAL)
  set(name "vlp-gpu-${VERSION}-x86_64")
  set(components rehearsal)
elseif(TORCH_DIR)
  set(name "vlp-torch-${VERSION}-x86_64")
endif()
set(folder "${BUILD_DIR}/package")
if(OUTPUT_DIR)
  set(folder "${OUTPUT_DIR}")
endif()
set(tree "${folder}/${name}")
set(archive "${tree}.tar.gz")
file(REMOVE_RECURSE "${tree}" "${archive}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${status}\n${out}")
  endif()
endfunction()

run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${tree}" --strip)
foreach(component IN LISTS components)
  run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${tree}" --strip --component ${component})
endforeach()

# The system's libraries, under the names by which they are asked for.
file(GLOB programs "${tree}/bin/*" "${tree}/rehearsal/bin/*")
file(GLOB libraries "${tree}/lib/*.so")
# glibc is the system's, for the kernel and the name services are; a newer one runs what an older one was linked with.
set(glibc "^(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|mvec|anl|nsl|nss_.*))\\.so")
set(libtorch "^lib(torch.*|c10.*|shm|gomp|cudart|cupti)(\\.so|-)")
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${programs} LIBRARIES ${libraries}
     RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing
     CONFLICTING_DEPENDENCIES_PREFIX conflict
     PRE_EXCLUDE_REGEXES "${glibc}" "${libtorch}")
if(missing OR conflict_FILENAMES)
  message(FATAL_ERROR "needed and not found: ${missing}; found twice: ${conflict_FILENAMES}")
endif()
list(FILTER found EXCLUDE REGEX "^${tree}/")
set(files "")
foreach(library IN LISTS found)
  cmake_path(GET library FILENAME soname)
  file(REAL_PATH "${library}" file)
  file(COPY_FILE "${file}" "${tree}/lib/${soname}")
  # Debian's packages name libraries as they lay before /usr was merged, or as they lie now.
  string(REGEX REPLACE "^/usr/" "/" unmerged "${file}")
  list(APPEND files "${file}" "${unmerged}")
endforeach()

# The terms under which others may have them, as Debian's packages state them.
execute_process(COMMAND dpkg-query --search ${files} OUTPUT_VARIABLE owners ERROR_QUIET)
string(REGEX MATCHALL "[^\n]+" owners "${owners}")
foreach(line IN LISTS owners)
  string(REGEX MATCH "^[^:,]+" package "${line}")
  set(terms "/usr/share/doc/${package}/copyright")
  if(EXISTS "${terms}" AND NOT EXISTS "${tree}/share/doc/vlp/copyright/${package}")
    file(REAL_PATH "${terms}" terms)
    file(MAKE_DIRECTORY "${tree}/share/doc/vlp/copyright")
    file(COPY_FILE "${terms}" "${tree}/share/doc/vlp/copyright/${package}")
  endif()
endforeach()

# Nothing may name a folder of this machine.
file(RPATH_SET FILE "${tree}/lib/libvlp_torch.so" NEW_RPATH "$ORIGIN:$ORIGIN/torch/lib")
file(READ "${tree}/lib/pkgconfig/vlp.pc" text)
string(REGEX REPLACE "torch=[^\n]*" "torch=\${prefix}/lib/torch" text "${text}")
file(WRITE "${tree}/lib/pkgconfig/vlp.pc" "${text}")
file(COPY_FILE "${SOURCE_DIR}/docs/packaging.md" "${tree}/README.md")

if(TORCH_DIR)
  # Its libraries look for CUDA's runtime in ../../nvidia/cu13/lib, also without a GPU.
  foreach(library IN ITEMS libc10.so libtorch_cpu.so libgomp.so.1)
    if(EXISTS "${TORCH_DIR}/lib/${library}")
      file(COPY "${TORCH_DIR}/lib/${library}" DESTINATION "${tree}/lib/torch/lib")
    endif()
  endforeach()
  file(COPY "${TORCH_DIR}/version.py" DESTINATION "${tree}/lib/torch")
  file(GLOB others "${TORCH_DIR}/../torch.libs/*.so*")
  if(others)
    file(COPY ${others} DESTINATION "${tree}/lib/torch.libs")
  endif()
  file(GLOB runtimes "${TORCH_DIR}/../nvidia/cu13/lib/libcudart.so.*" "${TORCH_DIR}/../nvidia/cu13/lib/libcupti.so.*")
  if(runtimes)
    file(COPY ${runtimes} DESTINATION "${tree}/lib/nvidia/cu13/lib")
  endif()
endif()

if(REHEARSAL)
  file(COPY "${SOURCE_DIR}/gpu" DESTINATION "${tree}")
  file(GLOB scripts "${SOURCE_DIR}/bench/*.py" "${SOURCE_DIR}/bench/peers.txt")
  file(COPY ${scripts} DESTINATION "${tree}/bench")
  file(COPY "${SOURCE_DIR}/tests/fixtures/parity" DESTINATION "${tree}/rehearsal"
       PATTERN "*.pth" EXCLUDE PATTERN "model-bin" EXCLUDE)
endif()

# One top folder; the same bytes from the same files.
execute_process(
  COMMAND tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --create --file=- "${name}"
  COMMAND gzip -n -6
  WORKING_DIRECTORY "${folder}" OUTPUT_FILE "${archive}" RESULTS_VARIABLE statuses ERROR_VARIABLE out)
if(NOT statuses STREQUAL "0;0")
  message(FATAL_ERROR "tar: ${out}")
endif()
file(REMOVE_RECURSE "${tree}")
file(SIZE "${archive}" size)
math(EXPR mebibytes "(${size} + 1048575) / 1048576")
if(REHEARSAL AND mebibytes GREATER 60)
  message(FATAL_ERROR "${archive}: ${mebibytes} MiB, expected at most 60")
endif()
message("${archive}: ${mebibytes} MiB")
