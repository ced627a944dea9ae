#include "src/main/libraries.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/auxv.h>

namespace vlp {

namespace {

namespace fs = std::filesystem;

/// LibTorch's version that the program was built with: 2.11 of 2.11.0.
constexpr std::string_view kTorchVersion = [] {
  const std::string_view whole = VLP_TORCH_VERSION;
  return whole.substr(0, whole.find('.', whole.find('.') + 1));
}();

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Where the program lies. Without /proc, as in a bare root, what it was started as.
fs::path own_folder() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    const auto name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    program = fs::canonical(name ? name : ".", error);
  }
  return error ? fs::path(".") : program.parent_path();
}

/// @param problem  gets what the system's loader says where null is returned
void* opened(const fs::path& library, int scope, std::string& problem) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | scope);
  if (!handle) problem = dlerror();
  return handle;
}

void* own_part(const std::string& name, int scope, std::string& problem) {
  return opened(shipped(name, fs::path("lib") / name), scope, problem);
}

/// What torch's version.py says, e.g. 2.11.0+cu130; empty = there is none.
std::string version_in(const fs::path& torch) {
  std::ifstream file(torch / "version.py");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("__version__")) {
      const std::size_t begin = line.find_first_of("'\"");
      const std::size_t end = line.find_last_of("'\"");
      if (begin < end) return line.substr(begin + 1, end - begin - 1);
    }
  return {};
}

bool fits(const std::string& version) {
  return version.starts_with(std::string(kTorchVersion) + ".");
}

/// Has LibTorch's libraries in memory, so that what needs them by name gets these.
/// @param problem  gets what is wrong where false is returned
bool open_libtorch(const fs::path& torch, std::string& problem) {
  return std::ranges::all_of(std::array{"libc10.so", "libtorch_cpu.so"}, [&](const char* name) {
    return opened(torch / "lib" / name, RTLD_GLOBAL, problem) != nullptr;
  });
}

/// The torch folders of one Python: PREFIX/lib/python3.11/site-packages/torch and the like.
void add_torch_folders(const fs::path& prefix, std::vector<fs::path>& folders) {
  std::error_code error;
  for (const char* lib : {"lib", "lib64"}) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(prefix / lib, error))
      if (entry.path().filename().string().starts_with("python3"))
        for (const char* packages : {"site-packages", "dist-packages"})
          if (const fs::path torch = entry.path() / packages / "torch"; fs::exists(torch, error))
            found.push_back(torch);
    std::ranges::sort(found);
    for (const fs::path& torch : found)
      if (std::ranges::none_of(
              folders, [&](const fs::path& other) { return fs::equivalent(torch, other, error); }))
        folders.push_back(torch);
  }
}

/// What to do about LibTorch.
std::string advice() {
  return fmt::format(
      "Install it with `pip install torch=={}.0` in a Python environment and activate that, or set "
      "VLP_TORCH_DIR to the folder torch of an installed one (.../site-packages/torch).",
      kTorchVersion);
}

/// @return  false, and what is wrong, unless $VLP_TORCH_DIR holds LibTorch
bool open_named_libtorch(const fs::path& torch, std::string& problem) {
  const std::string version = version_in(torch);
  if (!fits(version)) {
    problem =
        fmt::format("VLP_TORCH_DIR: no torch {} in {} (got {}, expected {}.*). {}", kTorchVersion,
                    torch.string(), version.empty() ? "no version.py there" : "torch " + version,
                    kTorchVersion, advice());
    return false;
  }
  std::string said;
  if (open_libtorch(torch, said)) return true;
  problem = fmt::format("VLP_TORCH_DIR: LibTorch can't be opened: {}. {}", said, advice());
  return false;
}

/// @return  whether one of the usual folders holds LibTorch; else what was found, a line each
bool open_usual_libtorch(std::string& found) {
  for (const fs::path& torch : usual_torch_folders()) {
    const std::string version = version_in(torch);
    std::string problem = fmt::format("expected {}.*", kTorchVersion);
    if (fits(version) && open_libtorch(torch, problem)) return true;
    found += fmt::format("\n  {}: torch {}: {}", torch.string(),
                         version.empty() ? "without a version.py" : version, problem);
  }
  return false;
}

constexpr const char* kTorchPart = "libvlp_torch.so";

}  // namespace

fs::path shipped(const fs::path& beside, const fs::path& installed) {
  std::error_code error;
  const fs::path folder = own_folder();
  return fs::exists(folder / beside, error) ? folder / beside : folder.parent_path() / installed;
}

std::vector<fs::path> usual_torch_folders() {
  std::vector<fs::path> folders;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const std::string prefix = variable(name); !prefix.empty())
      add_torch_folders(prefix, folders);

  const std::string all = variable("PATH");
  for (std::string_view rest = all; !rest.empty();) {
    const std::string_view path = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), path.size() + 1));
    const fs::path python = fs::path(path) / "python3";
    if (path.empty() || access(python.c_str(), X_OK) != 0) continue;
    std::error_code error;
    add_torch_folders(python.parent_path().parent_path(), folders);
    if (const fs::path real = fs::canonical(python, error); !error)
      add_torch_folders(real.parent_path().parent_path(), folders);
    break;  // the others are not what `python3` starts
  }

  if (const std::string home = variable("HOME"); !home.empty())
    add_torch_folders(fs::path(home) / ".local", folders);
  for (const char* prefix : {"/usr/local", "/usr"}) add_torch_folders(prefix, folders);
  return folders;
}

void* open_torch_part(std::string& problem) {
  std::string said, found;
  if (const std::string named = variable("VLP_TORCH_DIR"); !named.empty()) {
    if (!open_named_libtorch(named, problem)) return nullptr;
  } else {
    if (void* handle = own_part(kTorchPart, RTLD_GLOBAL, said)) return handle;
    if (!open_usual_libtorch(found)) {
      problem = fmt::format(
          "{} can't be opened: {}.\nLibTorch {} isn't where the program was built "
          "with it, nor in a Python environment{} {}",
          kTorchPart, said, kTorchVersion, found.empty() ? "." : "; looked at:" + found + "\n",
          advice());
      return nullptr;
    }
  }
  void* handle = own_part(kTorchPart, RTLD_GLOBAL, said);
  if (!handle)
    problem = fmt::format("{} can't be opened: {}. In a checkout, build it with ./dev build.",
                          kTorchPart, said);
  return handle;
}

void* open_hub_part(std::string& problem) {
  std::string said;
  void* handle = own_part("libvlp_hub.so", RTLD_LOCAL, said);
  if (!handle)
    problem = fmt::format(
        "libvlp_hub.so can't be opened: {}. In a checkout, build it with ./dev build.", said);
  return handle;
}

}  // namespace vlp
