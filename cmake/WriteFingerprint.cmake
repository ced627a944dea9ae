# cmake -DSOURCE_DIR=… -DOUTPUT=… -P WriteFingerprint.cmake
# Writes VLP_HEADERS_HASH over the names and contents of include/vlp/**.hpp; the file changes only when they do.

file(GLOB_RECURSE headers RELATIVE "${SOURCE_DIR}" "${SOURCE_DIR}/include/vlp/*.hpp")
list(SORT headers)
set(all "")
foreach(header IN LISTS headers)
  file(SHA256 "${SOURCE_DIR}/${header}" hash)
  string(APPEND all "${header} ${hash}\n")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING "${hash}" 0 16 hash)
set(content "#pragma once\n#define VLP_HEADERS_HASH \"${hash}\"\n")

set(old "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" old)
endif()
if(NOT content STREQUAL old)
  file(WRITE "${OUTPUT}" "${content}")
endif()
