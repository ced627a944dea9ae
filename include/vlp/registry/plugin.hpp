#pragma once
// One line at the end of a component's header makes it a plugin: linked in, or opened from
// `NAME.so`, from the same source. As an ordinary include the line does nothing. Which kind a type
// is follows from the concept that it models.
//
// The unit that makes a plugin of a header defines, before it includes the header, one of
//   VLP_PLUGIN_SHARED          for NAME.so, whose entry is called vlp_plugin
//   VLP_PLUGIN_BUILTIN ENTRY   to be linked in, where ENTRY is vlp_plugin_KIND_NAME: two kinds may
//                              have plugins of one name
// and may define VLP_PLUGIN_STEM "NAME", by which a line that names another file doesn't compile.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "vlp/concepts/component.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/option_rules.hpp"
#include "vlp/registry/registry.hpp"

/// What a plugin shows to its host. Plain C, so that a host can refuse it before any C++ of it
/// runs.
extern "C" struct vlp_plugin_info {
  std::uint32_t struct_size;  ///< sizeof(vlp_plugin_info)
  const char* fingerprint;    ///< vlp headers, torch, compiler, ABI; compared as text
  const char* name;           ///< the file's stem
  const char* version;        ///< the plugin's own
  void (*add_to)(vlp::Registry&, const char* version, const char* origin);  ///< adds its components
};

namespace vlp {

namespace detail {

template <class T>
void add_component(Registry& registry, const char* version, const char* origin) {
  static_assert(!IgnoresOptions<T>,
                "the component has options that no constructor takes, so they would be ignored; "
                "write a constructor from (Options) or (Options, const Context&), or from the "
                "options and those parts of the context that it reads");
  static_assert(!NamesOneTwice<options_of<T>>,
                "fields() of the component's options names a member twice; name each member once");
  static_assert(held_by_recipes<options_of<T>, /*Unfit=*/true> || !Options<options_of<T>>,
                "an option of the component has a type that recipes can't hold; CONTRIBUTING.md "
                "lists those that work, and another one needs a vlp::OptionType of its own");
  static_assert(
      Component<T> || IgnoresOptions<T> || NamesOneTwice<options_of<T>>,
      "a component needs `static constexpr std::string_view name`, `Options` with "
      "fields() for every member (or no "
      "options), and a constructor from its options, if it has any, and behind them "
      "nothing, a const Context&, or of that only some parts in the order const Machine&, "
      "const Folders&, const Facts&");
  static_assert(
      requires { kind_of(ComponentTag<T>{}); },
      "the type models none (or several) of the kinds whose headers are included; write "
      "static_assert(vlp::Loss<T>), or the concept "
      "that you mean, above VLP_PLUGIN and the compiler says what is missing");
  if constexpr (Component<T> && requires { kind_of(ComponentTag<T>{}); } &&
                held_by_recipes<options_of<T>, /*Unfit=*/false>)
    registry.add<decltype(kind_of(ComponentTag<T>{})), T>(version, origin);
}

template <class... T>
void add_components(Registry& registry, const char* version, const char* origin) {
  (add_component<T>(registry, version, origin), ...);
}

}  // namespace detail

/// Adds what a linked-in plugin holds.
/// @param registry  where they go
/// @param info      what the plugin shows
/// @param origin    how messages call it, e.g. "plugins/loss/lm.hpp"
inline void add_plugin(Registry& registry, const vlp_plugin_info& info, const std::string& origin) {
  info.add_to(registry, info.version, origin.c_str());
}

}  // namespace vlp

#if defined(VLP_PLUGIN_SHARED)
#include "vlp/registry/fingerprint.hpp"
#define VLP_PLUGIN_ENTRY vlp_plugin
#define VLP_PLUGIN_FINGERPRINT VLP_FINGERPRINT
#elif defined(VLP_PLUGIN_BUILTIN)
#define VLP_PLUGIN_ENTRY VLP_PLUGIN_BUILTIN
#define VLP_PLUGIN_FINGERPRINT "built in"
#endif

/// Compares what VLP_PLUGIN says with the file's name, where that is known.
#if defined(VLP_PLUGIN_STEM)
#define VLP_PLUGIN_CHECK(NAME)                                                \
  static_assert(std::string_view(NAME) == VLP_PLUGIN_STEM,                    \
                "VLP_PLUGIN names " NAME ", and the file is " VLP_PLUGIN_STEM \
                ".hpp: a plugin is found by its file's name; change one of them")
#else
#define VLP_PLUGIN_CHECK(NAME) static_assert(true)
#endif

/// VLP_PLUGIN(file_stem, "version", Component...)
#if defined(VLP_PLUGIN_SHARED) || defined(VLP_PLUGIN_BUILTIN)
#define VLP_PLUGIN(NAME, VERSION, ...)                                                          \
  VLP_PLUGIN_CHECK(#NAME);                                                                      \
  extern "C" __attribute__((visibility("default"))) const vlp_plugin_info* VLP_PLUGIN_ENTRY() { \
    static const vlp_plugin_info info{sizeof(vlp_plugin_info), VLP_PLUGIN_FINGERPRINT, #NAME,   \
                                      VERSION, &vlp::detail::add_components<__VA_ARGS__>};      \
    return &info;                                                                               \
  }                                                                                             \
  static_assert(true)
#else
#define VLP_PLUGIN(NAME, VERSION, ...) static_assert(true)
#endif
