#pragma once
// A plugin of an older interface, whose info is shorter. Nothing in it but the size may be read.

#include <cstdint>

struct OlderInfo {
  std::uint32_t struct_size;
};

extern "C" __attribute__((visibility("default"))) const OlderInfo* vlp_plugin() {
  static const OlderInfo info{sizeof(OlderInfo)};
  return &info;
}
