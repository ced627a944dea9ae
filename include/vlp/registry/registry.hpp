#pragma once
// Names to components. An object, not a singleton: `main` makes one, every test makes its own.
// Includes no torch: it knows kinds by their names and factories by their erased value's type.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/plugin_info.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/registry/option_rules.hpp"

namespace vlp {

/// What a recipe can know of a component before it is built; beside each kind's concept.
struct NoTraits {};

namespace detail {

template <class AnyX>
struct TraitsOf {
  using type = NoTraits;
};
template <class AnyX>
  requires requires { typename AnyX::Traits; }
struct TraitsOf<AnyX> {
  using type = typename AnyX::Traits;
};

}  // namespace detail

/// A component chosen by a recipe, its options read and checked, not yet built.
template <class AnyX>
struct Prepared {
  std::string name;                           ///< by which a recipe chose it
  std::function<AnyX(const Context&)> build;  ///< may be called several times
  std::function<Value()> write;               ///< the options as they will be used, without `use`
  typename detail::TraitsOf<AnyX>::type traits;  ///< computed from the options
};

/// What every factory shows to `vlp list` and `vlp help`.
struct ComponentInfo {
  std::string kind, name, version;
  std::string origin;                                ///< the built-in header or the plugin file
  std::function<std::vector<OptionDoc>()> describe;  ///< its options
};

/// Makes Prepared components of one name.
template <class AnyX>
struct Factory {
  std::shared_ptr<const ComponentInfo> info;  ///< the component
  /// Reads the component's own options from `table`; keys in `taken` belong to its surroundings.
  std::function<std::shared_ptr<const Prepared<AnyX>>(
      const Table& table, const Place& place, const std::string& path,
      const std::vector<std::string>& taken, ReadContext& ctx)>
      prepare;
};

/// All components that recipes can name.
class Registry {
 public:
  /// Adds component `T` of kind `AnyX`.
  /// @throws PluginError if the kind already has a component of that name, naming both origins, or
  /// options of it are not as `option_mistakes` asks
  template <class AnyX, Component T>
  void add(const std::string& version, const std::string& origin) {
    const std::string kind(AnyX::kind), name(name_of<T>);
    if (std::vector<std::string> mistakes =
            named(shown_component<T>(kind), [&] { return option_mistakes<options_of<T>>(kind); });
        !mistakes.empty()) {
      for (std::string& mistake : mistakes)
        mistake = origin + ": " + kind + " '" + name + "': " + mistake;
      throw PluginError(joined(mistakes, "\n"));
    }
    auto& slot = factories_[kind][name];
    if (slot.info)
      throw PluginError(origin + ": " + kind + " '" + name + "' is registered twice: by " +
                        slot.info->origin + " and by " + origin + ". Rename one of them.");
    auto info = std::make_shared<const ComponentInfo>(
        ComponentInfo{kind, name, version, origin, [] {
                        return named(shown_component<T>(AnyX::kind),
                                     [] { return describe_options<options_of<T>>(); });
                      }});
    slot.info = info;
    slot.factory = std::make_shared<const Factory<AnyX>>(Factory<AnyX>{info, prepare<AnyX, T>});
  }

  /// @return  null if the kind has no component of that name
  template <class AnyX>
  [[nodiscard]] const Factory<AnyX>* find(std::string_view name) const {
    const auto kind = factories_.find(AnyX::kind);
    if (kind == factories_.end()) return nullptr;
    const auto slot = kind->second.find(name);
    return slot == kind->second.end()
               ? nullptr
               : static_cast<const Factory<AnyX>*>(slot->second.factory.get());
  }

  /// Names of a kind, sorted.
  [[nodiscard]] std::vector<std::string> names(std::string_view kind) const {
    std::vector<std::string> names;
    if (const auto found = factories_.find(kind); found != factories_.end())
      for (const auto& [name, slot] : found->second) names.push_back(name);
    return names;
  }

  /// Notes that components came from a file.
  void add_plugin_file(PluginInfo plugin) { plugins_.push_back(std::move(plugin)); }

  /// The plugins that were opened from files, in the order in which they were; not those that are
  /// linked in.
  [[nodiscard]] std::vector<PluginInfo> plugins() const { return plugins_; }

  /// Every component, by kind and name.
  [[nodiscard]] std::vector<std::shared_ptr<const ComponentInfo>> components() const {
    std::vector<std::shared_ptr<const ComponentInfo>> all;
    for (const auto& [kind, slots] : factories_)
      for (const auto& [name, slot] : slots) all.push_back(slot.info);
    return all;
  }

 private:
  struct Slot {
    std::shared_ptr<const ComponentInfo> info;
    std::shared_ptr<const void> factory;
  };

  template <class AnyX, class T>
  static std::shared_ptr<const Prepared<AnyX>> prepare(const Table& table, const Place& place,
                                                       const std::string& path,
                                                       const std::vector<std::string>& taken,
                                                       ReadContext& ctx) {
    using O = options_of<T>;
    const std::string shown = shown_component<T>(AnyX::kind);
    std::vector<std::string> known = taken;
    for (std::string& key : option_names<O>()) {
      if (std::ranges::find(taken, key) != taken.end())
        ctx.diagnostics.add(place, detail::join(path, key),
                            "a key of this table and an option of " + shown +
                                " have one name, so neither can be set. Rename the option.");
      known.push_back(std::move(key));
    }
    return named(shown, [&] {
      auto options = std::make_shared<O>();
      read_table({table, place, path}, known, *options, ctx);
      return prepared<AnyX, T>(std::move(options));
    });
  }

  template <class AnyX, class T>
  static std::shared_ptr<const Prepared<AnyX>> prepared(std::shared_ptr<options_of<T>> options) {
    Prepared<AnyX> made;
    made.name = name_of<T>;
    const std::string shown = shown_component<T>(AnyX::kind);
    made.build = [options, shown](const Context& ctx) {
      return named(shown, [&] { return AnyX(build_component<T>(*options, ctx)); });
    };
    made.write = [options, shown] { return named(shown, [&] { return write_options(*options); }); };
    if constexpr (requires { typename AnyX::Traits; })
      made.traits = named(shown, [&] { return AnyX::template traits<T>(*options); });
    return std::make_shared<const Prepared<AnyX>>(std::move(made));
  }

  template <class AnyX, Options Extra>
  friend class Use;

  std::map<std::string, std::map<std::string, Slot, std::less<>>, std::less<>> factories_;
  std::vector<PluginInfo> plugins_;
};

}  // namespace vlp
