// The package: one folder that runs wherever it is unpacked, in a root with nothing but glibc as
// well, and that finds LibTorch where people have it, or says what to do.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(package)

namespace {

namespace fs = std::filesystem;
using vlp_test::Outcome;
using vlp_test::run_process;

const fs::path kTorch = VLP_TORCH_FOLDER;
const fs::path kModel = fs::path(VLP_TEST_DATA) / "parity" / "caption" / "model";
const fs::path kImage = fs::path(VLP_TEST_DATA) / "images" / "01_420.jpg";

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The archive, made, unpacked somewhere else and taken away.
struct Unpacked : ScratchFolder {
  std::vector<std::string> entries;
  fs::path tree;

  Unpacked() {
    const Outcome made = run_process({"cmake", std::string("-DBUILD_DIR=") + VLP_BUILD_DIR,
                                      std::string("-DSOURCE_DIR=") + VLP_SOURCE_ROOT,
                                      "-DOUTPUT_DIR=" + (path / "out").string(), "-DVERSION=1.2.3",
                                      "-P", std::string(VLP_SOURCE_ROOT) + "/cmake/Package.cmake"});
    BOOST_REQUIRE_MESSAGE(made.code == 0, made.err);
    const fs::path archive = path / "out" / "vlp-1.2.3-x86_64.tar.gz";
    entries = lines_of(run_process({"tar", "-tzf", archive.string()}).out);
    fs::create_directories(path / "else where");
    const Outcome unpacked =
        run_process({"tar", "-xzf", archive.string(), "-C", (path / "else where").string()});
    BOOST_REQUIRE_MESSAGE(unpacked.code == 0, unpacked.err);
    tree = path / "else where" / "vlp-1.2.3-x86_64";
    fs::remove_all(path / "out");
  }
};

Unpacked& unpacked() {
  static Unpacked package;
  return package;
}

/// The packaged program in an environment of these variables alone.
Outcome vlp(std::vector<std::string> words, const std::vector<std::string>& variables) {
  std::vector<std::string> command{"env", "-i"};
  command.insert(command.end(), variables.begin(), variables.end());
  command.push_back((unpacked().tree / "bin" / "vlp").string());
  command.insert(command.end(), words.begin(), words.end());
  return run_process(command, "", unpacked().path);
}

/// A folder like a Python's prefix, with a torch of that version, which is a link to `real` where
/// that is named.
fs::path python_with_torch(const fs::path& prefix, const std::string& version,
                           const fs::path& real = {}) {
  const fs::path packages = prefix / "lib" / "python3.11" / "site-packages";
  fs::create_directories(packages);
  if (real.empty()) {
    fs::create_directories(packages / "torch");
    std::ofstream(packages / "torch" / "version.py")
        << "debug = False\n__version__ = '" + version + "'\n";
  } else {
    fs::create_directory_symlink(real, packages / "torch");
  }
  return packages / "torch";
}

/// What is shared by all names in glibc's own family.
bool is_glibc(const std::string& name) {
  return std::ranges::any_of(
      std::array{"ld-linux", "libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so",
                 "libutil.so", "libresolv.so", "linux-vdso"},
      [&](const char* part) { return name.starts_with(part); });
}

bool is_torch(const std::string& name) {
  return name.starts_with("libtorch") || name.starts_with("libc10");
}

/// Copies a file under its own path into another root, what it links to as a file.
void copy_into(const fs::path& root, const fs::path& file) {
  const fs::path to = root / file.relative_path();
  fs::create_directories(to.parent_path());
  fs::copy_file(fs::canonical(file), to, fs::copy_options::skip_existing);
}

/// The same without a second copy on the disk, where the file system allows it.
void link_into(const fs::path& folder, const fs::path& file) {
  fs::create_directories(folder);
  std::error_code error;
  fs::create_hard_link(fs::canonical(file), folder / file.filename(), error);
  if (error) fs::copy_file(fs::canonical(file), folder / file.filename());
}

/// A root with the package, LibTorch for the CPU in a Python's place, a model, an image, a shell
/// and glibc; nothing else.
struct BareRoot : ScratchFolder {
  BareRoot() {
    for (const char* name : {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1",
                             "libpthread.so.0", "libutil.so.1", "libresolv.so.2"})
      copy_into(path, fs::path("/lib/x86_64-linux-gnu") / name);
    copy_into(path, "/lib64/ld-linux-x86-64.so.2");
    copy_into(path, "/bin/sh");
    fs::create_directories(path / "tmp");
    fs::create_directories(path / "dev");  // a device needs rights that chroot doesn't ask for
    std::ofstream(path / "dev" / "urandom") << std::string(4096, 'r');
    fs::copy(unpacked().tree, path / "vlp", fs::copy_options::recursive);
    fs::copy(kModel, path / "model", fs::copy_options::recursive);
    fs::copy_file(kImage, path / "image.jpg");
    const fs::path packages = path / "usr" / "lib" / "python3.12" / "site-packages";
    for (const char* name : {"libc10.so", "libtorch_cpu.so", "libgomp.so.1"})
      if (fs::exists(kTorch / "lib" / name))
        link_into(packages / "torch" / "lib", kTorch / "lib" / name);
    fs::copy_file(kTorch / "version.py", packages / "torch" / "version.py");
    copy_matching(kTorch.parent_path() / "nvidia" / "cu13" / "lib", {"libcudart", "libcupti"},
                  packages / "nvidia" / "cu13" / "lib");
    copy_matching(kTorch.parent_path() / "torch.libs", {"lib"}, packages / "torch.libs");
  }

  static void copy_matching(const fs::path& from, const std::vector<std::string>& beginnings,
                            const fs::path& to) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(from, none))
      if (std::ranges::any_of(beginnings, [&](const std::string& beginning) {
            return entry.path().filename().string().starts_with(beginning);
          }))
        link_into(to, entry.path());
  }

  /// There is no /proc, from which the system's loader knows where a program lies.
  [[nodiscard]] Outcome run(const std::string& line) const {
    return run_process({"env", "-u", "VLP_TORCH_DIR", "LD_ORIGIN_PATH=/vlp/bin", "chroot",
                        path.string(), "/bin/sh", "-c", line});
  }
};

boost::test_tools::assertion_result chroot_is_permitted(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result permitted(run_process({"chroot", "/", "true"}).code == 0);
  if (!permitted) permitted.message() << "chroot is not permitted here";
  return permitted;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_archive_is_one_folder_laid_as_an_installation) {
  BOOST_REQUIRE(!unpacked().entries.empty());
  for (const std::string& entry : unpacked().entries)
    BOOST_REQUIRE_MESSAGE(entry.starts_with("vlp-1.2.3-x86_64/"), entry);
  for (const char* name :
       {"bin/vlp", "bin/vlp-demo-data", "lib/libvlp_torch.so", "lib/libvlp_hub.so",
        "lib/libstdc++.so.6", "lib/pkgconfig/vlp.pc", "include/vlp/run.hpp",
        "share/vlp/vocabularies/demo.txt", "share/vlp/recipes/demo.toml", "README.md"})
    BOOST_TEST(fs::exists(unpacked().tree / name), name);
  for (const std::string& entry : unpacked().entries) {
    const std::string name = fs::path(entry).filename().string();
    if (entry.find("/lib/") != entry.npos) BOOST_TEST((!is_glibc(name) && !is_torch(name)), entry);
  }
}

BOOST_AUTO_TEST_CASE(every_library_is_its_own_but_glibc_and_libtorch) {
  const fs::path& tree = unpacked().tree;
  for (const char* name : {"bin/vlp", "bin/vlp-demo-data"}) {
    const Outcome listed = run_process({(tree / name).string()}, "LD_TRACE_LOADED_OBJECTS=1");
    BOOST_TEST(says(listed.out, "libstdc++"), listed.out);
    for (const std::string& line : lines_of(listed.out)) {
      const std::string library = line.substr(line.find_first_not_of(" \t"));
      if (!is_glibc(library) && !library.starts_with("/"))
        BOOST_TEST(says(line, (tree / "bin" / ".." / "lib").string()), line);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_library_is_looked_for_where_the_package_was_made) {
  for (const auto& entry : fs::recursive_directory_iterator(unpacked().tree / "lib")) {
    if (!entry.is_regular_file() || !entry.path().filename().string().starts_with("libvlp_"))
      continue;
    const std::string bytes = vlp_test::text_of(entry.path());
    BOOST_TEST(!says(bytes, (kTorch / "lib").string()), entry.path());
  }
  const std::string flags = vlp_test::text_of(unpacked().tree / "lib" / "pkgconfig" / "vlp.pc");
  BOOST_TEST(!says(flags, VLP_BUILD_DIR), flags);
}

BOOST_AUTO_TEST_CASE(what_needs_no_tensors_runs_without_libtorch) {
  const Outcome said = vlp({"--version"}, {});
  BOOST_TEST(said.code == 0, said.err);
  BOOST_TEST(says(said.out, "vlp "));
  const ScratchFolder folder;
  std::ofstream(folder.path / "candidates.json") << R"([{"image_id": 1, "caption": "a red dog"}])";
  std::ofstream(folder.path / "references.json")
      << R"({"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": "a red dog"}]})";
  const Outcome scored =
      vlp({"score", "--references", (folder.path / "references.json").string(), "--candidates",
           (folder.path / "candidates.json").string(), "--metrics", "rouge_l"},
          {});
  BOOST_TEST(scored.code == 0, scored.err);
  BOOST_TEST(says(scored.out, "1.000000"), scored.out);
}

BOOST_AUTO_TEST_CASE(without_libtorch_it_says_how_to_get_it) {
  const Outcome outcome = vlp({"list", "loss"}, {"HOME=/nowhere", "PATH=/nowhere"});
  if (outcome.code == 0) {  // a torch 2.11 for the machine's own Python
    BOOST_TEST_MESSAGE("the machine has LibTorch in /usr");
    return;
  }
  BOOST_TEST(outcome.code == 1);
  for (const char* part : {"LibTorch 2.11", "pip install torch==2.11.0", "VLP_TORCH_DIR"})
    BOOST_TEST(says(outcome.err, part), outcome.err);
}

BOOST_AUTO_TEST_CASE(libtorch_is_found_where_people_have_it) {
  const ScratchFolder folder;
  const fs::path prefix = folder.path / "environment";
  python_with_torch(prefix, "", kTorch);
  fs::create_directories(prefix / "bin");
  fs::create_symlink("/bin/true", prefix / "bin" / "python3");
  for (const std::string& variable :
       {"VLP_TORCH_DIR=" + kTorch.string(), "VIRTUAL_ENV=" + prefix.string(),
        "CONDA_PREFIX=" + prefix.string(), "PATH=" + (prefix / "bin").string()}) {
    const Outcome outcome = vlp({"list", "loss"}, {variable});
    BOOST_TEST(outcome.code == 0, variable << ": " << outcome.err);
    BOOST_TEST(says(outcome.out, "plugins/loss/lm.hpp"), outcome.out);
  }
}

BOOST_AUTO_TEST_CASE(another_version_of_torch_is_named_and_not_used) {
  const ScratchFolder folder;
  const fs::path old = python_with_torch(folder.path / "old", "2.9.1+cu128");
  const Outcome named = vlp({"list", "loss"}, {"VLP_TORCH_DIR=" + old.string()});
  BOOST_TEST(named.code == 1);
  BOOST_TEST(says(named.err, "got torch 2.9.1+cu128, expected 2.11.*"), named.err);
  const Outcome absent = vlp({"list", "loss"}, {"VLP_TORCH_DIR=/nowhere"});
  BOOST_TEST(absent.code == 1);
  BOOST_TEST(says(absent.err, "got no version.py there"), absent.err);
  // The next place counts.
  python_with_torch(folder.path / "new", "", kTorch);
  const Outcome other = vlp({"list", "loss"}, {"VIRTUAL_ENV=" + (folder.path / "old").string(),
                                               "CONDA_PREFIX=" + (folder.path / "new").string()});
  BOOST_TEST(other.code == 0, other.err);
}

BOOST_AUTO_TEST_CASE(it_captions_in_a_root_with_nothing_but_glibc,
                     *boost::unit_test::precondition(chroot_is_permitted)) {
  const BareRoot root;
  const Outcome said = root.run("/vlp/bin/vlp --version");
  BOOST_REQUIRE_MESSAGE(said.code == 0, said.err);
  const Outcome captioned = root.run("/vlp/bin/vlp caption --model /model /image.jpg");
  BOOST_TEST(captioned.code == 0, captioned.err);
  const Outcome here =
      run_process({VLP_PROGRAM, "caption", "--model", kModel.string(), kImage.string()});
  BOOST_TEST(here.code == 0, here.err);
  const auto caption = [](const std::string& line) {
    return line.substr(line.find_first_of("\t "));
  };
  BOOST_TEST(caption(captioned.out) == caption(here.out));
}

BOOST_AUTO_TEST_SUITE_END()
