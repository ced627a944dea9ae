# cmake -DSOURCE_DIR=… -DVERSION=… -DOUTPUT=… -P WriteFingerprint.cmake
# Writes VLP_VERSION, and VLP_HEADERS_HASH over the names and contents of include/vlp/**.hpp; the file changes only when they do.

file(GLOB_RECURSE headers RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/include/vlp/*.hpp")
list(SORT headers)
set(all "")
foreach(header IN LISTS headers)
  file(SHA256 "${SOURCE_DIR}/${header}" hash)
  string(APPEND all "${header} ${hash}\n")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING "${hash}" 0 16 hash)
set(content "#pragma once\n#define VLP_HEADERS_HASH \"${hash}\"\n#ifndef VLP_VERSION\n#define VLP_VERSION \"${VERSION}\"\n#endif\n")

set(old "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" old)
endif()
if(NOT content STREQUAL old)
  file(WRITE "${OUTPUT}" "${content}")
endif()
