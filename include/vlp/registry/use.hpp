#pragma once
// `Use<AnyX>`: an option that chooses a component, a table with a `use` key. It is checked when the
// recipe is read and built later with the Context, so components nest.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/registry/registry.hpp"

namespace vlp {

/// @tparam AnyX   erased value of the kind, e.g. AnyEncoder
/// @tparam Extra  options of the place itself that stand in the same table, e.g. a loss's weight
template <class AnyX, Options Extra = NoOptions>
class Use {
 public:
  Extra extra;  ///< what the surroundings keep beside the component

  Use() = default;

  /// Chooses a component in C++, without a recipe: `Use<AnyEncoder>::of<Vit>({.width = 64})`.
  template <class T>
  [[nodiscard]] static Use of(options_of<T> options = {}) {
    Use use;
    use.prepared_ =
        Registry::prepared<AnyX, T>(std::make_shared<options_of<T>>(std::move(options)));
    return use;
  }

  /// Whether a recipe has named a component; what follows needs it.
  [[nodiscard]] bool chosen() const { return prepared_ != nullptr; }
  /// Name of the component.
  [[nodiscard]] const std::string& name() const { return prepared().name; }
  /// What can be known of the component before it is built.
  [[nodiscard]] const auto& traits() const { return prepared().traits; }
  /// A new component; each call makes another one.
  [[nodiscard]] AnyX build(const Context& ctx) const { return prepared().build(ctx); }

  /// The table as it will be used: `use`, the surroundings' keys, then the component's.
  [[nodiscard]] Value write() const {
    Table table;
    table.set("use", Value(name()));
    for (const Value& part : {write_options(extra), prepared().write()})
      for (const Entry& entry : part.as<Table>()->entries()) table.set(entry.key, entry.value);
    return Value(std::move(table));
  }

 private:
  friend struct OptionType<Use>;

  [[nodiscard]] const Prepared<AnyX>& prepared() const {
    if (!prepared_)
      throw RecipeError("no " + std::string(AnyX::kind) +
                        " was chosen. Read a recipe, or use Use<...>::of<Component>().");
    return *prepared_;
  }

  std::shared_ptr<const Prepared<AnyX>> prepared_;
};

/// The table that chooses a component.
template <class AnyX, Options Extra>
struct OptionType<Use<AnyX, Extra>> {
  /// Name of the kind.
  static std::string kind() { return std::string(AnyX::kind); }
  static std::string expected() {
    return "a table with `use` naming " + std::string(article()) + kind();
  }

  static bool read(const Value& value, const std::string& path, Use<AnyX, Extra>& out, const Range&,
                   ReadContext& ctx) {
    const Table* table = value.as<Table>();
    if (!table) return detail::report(ctx, value, path, expected());
    const std::vector<std::string> names =
        ctx.registry ? ctx.registry->names(kind()) : std::vector<std::string>{};
    const Entry* use = table->find("use");
    const std::string* name = use ? use->value.template as<std::string>() : nullptr;
    if (!name) {
      ctx.diagnostics.add(use ? use->value.place : value.place, detail::join(path, "use"),
                          (use ? "got " + use->value.brief() : std::string("missing")) +
                              ", expected the name of " + article() + kind() +
                              ", one of: " + listing(names));
      return false;
    }
    const Factory<AnyX>* factory =
        ctx.registry ? ctx.registry->template find<AnyX>(*name) : nullptr;
    if (!factory) {
      const std::string near = suggestion(*name, names);
      ctx.diagnostics.add(use->value.place, detail::join(path, "use"),
                          "no " + kind() + " named '" + *name + "'" + near + "; there are: " +
                              listing(names) + ". A plugin's .so is added by --plugin FILE.so" +
                              (ctx.made_with.empty() ? "" : "; " + ctx.made_with));
      return false;
    }
    const std::size_t before = ctx.diagnostics.problems().size();
    std::vector<std::string> taken = option_names<Extra>();
    taken.insert(taken.begin(), "use");
    read_fields(*table, value.place, path, out.extra, ctx);
    out.prepared_ = factory->prepare(*table, value.place, path, taken, ctx);
    return ctx.diagnostics.problems().size() == before;
  }

  /// A component that must be chosen is missing as a whole.
  static void absent(const Place& place, const std::string& path, ReadContext& ctx) {
    ctx.diagnostics.add(
        place, path,
        "missing, expected " + expected() + ", one of: " +
            listing(ctx.registry ? ctx.registry->names(kind()) : std::vector<std::string>{}));
  }

  static std::optional<Value> write(const Use<AnyX, Extra>& use) {
    return use.chosen() ? std::optional<Value>(use.write()) : std::nullopt;
  }

 private:
  static const char* article() {
    return std::string_view("aeiou").find(AnyX::kind.front()) != std::string_view::npos ? "an "
                                                                                        : "a ";
  }
};

}  // namespace vlp
