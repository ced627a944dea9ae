#pragma once
// What the program opens when a command needs it: its own parts, which lie beside it, and LibTorch
// before the part that needs it. A packaged program finds LibTorch where people have it.

#include <filesystem>
#include <string>
#include <vector>

namespace vlp {

/// The place of something that ships with the program: beside it where it was built, in a folder of
/// the same tree where it was installed.
[[nodiscard]] std::filesystem::path shipped(const std::filesystem::path& beside,
                                            const std::filesystem::path& installed);

/// Folders `torch` in which LibTorch may lie, best first: of $VIRTUAL_ENV, of $CONDA_PREFIX, of the
/// Python that `python3` starts, of the person and of the machine. Only those that are there.
[[nodiscard]] std::vector<std::filesystem::path> usual_torch_folders();

/// Opens libvlp_torch.so, and LibTorch first where it isn't where it was built with: from
/// $VLP_TORCH_DIR if that is set, else from the usual folders.
/// @param problem  gets what is wrong, and what to do, where null is returned
[[nodiscard]] void* open_torch_part(std::string& problem);

/// Opens libvlp_hub.so.
/// @param problem  gets what is wrong where null is returned
[[nodiscard]] void* open_hub_part(std::string& problem);

}  // namespace vlp
