// A component is built from (Options, const Context&), (Options), (const Context&) or nothing,
// whether it is a plain class or what a module holder holds.

#include "vlp/concepts/component.hpp"

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

BOOST_AUTO_TEST_SUITE(constructors)

namespace {

struct WidthOptions {
  std::int64_t width = 8;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&WidthOptions::width>("Width.", vlp::at_least(1))};
  }
};

/// What each form of a constructor leaves behind.
struct Seen {
  std::int64_t width = -1;
  int threads = -1;
};

/// Reads one part of the context.
struct FromFolders {
  static constexpr std::string_view name = "from_folders";
  using Options = WidthOptions;
  FromFolders(const Options& options, const vlp::Folders& folders)
      : width(options.width), share(folders.share) {}
  std::int64_t width;
  std::filesystem::path share;
};
struct FromFacts {
  static constexpr std::string_view name = "from_facts";
  explicit FromFacts(const vlp::Facts& facts) : pad(facts.tokens.pad) {}
  std::int64_t pad;
};
static_assert(vlp::Component<FromFolders> && vlp::Component<FromFacts>);

struct FromBothImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_both";
  using Options = WidthOptions;
  FromBothImpl(const Options& options, const vlp::Context& ctx)
      : seen{options.width, ctx.machine.threads} {}
  Seen seen;
};
TORCH_MODULE(FromBoth);

struct FromOptionsImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_options";
  using Options = WidthOptions;
  explicit FromOptionsImpl(const Options& options) : seen{options.width, -1} {}
  Seen seen;
};
TORCH_MODULE(FromOptions);

struct FromContextImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_context";
  explicit FromContextImpl(const vlp::Context& ctx) : seen{-1, ctx.machine.threads} {}
  Seen seen;
};
TORCH_MODULE(FromContext);

struct FromNothingImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_nothing";
  Seen seen;
};
TORCH_MODULE(FromNothing);

struct FromSomethingElseImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_something_else";
  explicit FromSomethingElseImpl(int) {}
};
TORCH_MODULE(FromSomethingElse);

struct OptionsIgnoredImpl : torch::nn::Module {
  static constexpr std::string_view name = "options_ignored";
  using Options = WidthOptions;
};
TORCH_MODULE(OptionsIgnored);

struct OptionsIgnoredByContextImpl : torch::nn::Module {
  static constexpr std::string_view name = "options_ignored";
  using Options = WidthOptions;
  explicit OptionsIgnoredByContextImpl(const vlp::Context&) {}
};
TORCH_MODULE(OptionsIgnoredByContext);

struct PlainFromOptions {
  static constexpr std::string_view name = "plain";
  using Options = WidthOptions;
  explicit PlainFromOptions(const Options& options) : width(options.width) {}
  std::int64_t width;
};

static_assert(vlp::Component<FromBoth> && vlp::Component<FromOptions> &&
              vlp::Component<FromContext> && vlp::Component<FromNothing> &&
              vlp::Component<PlainFromOptions>);
static_assert(!vlp::Component<FromSomethingElse>);
static_assert(!vlp::Component<OptionsIgnored> && vlp::detail::IgnoresOptions<OptionsIgnored>);
static_assert(!vlp::Component<OptionsIgnoredByContext>);

vlp::Context context_of_three_threads() {
  vlp::Context ctx;
  ctx.machine.threads = 3;
  return ctx;
}

template <class Holder>
Seen seen(const vlp::options_of<Holder>& options = {}) {
  return vlp::build_component<Holder>(options, context_of_three_threads())->seen;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_module_gets_what_its_constructor_takes) {
  const Seen both = seen<FromBoth>({.width = 5});
  BOOST_TEST(both.width == 5);
  BOOST_TEST(both.threads == 3);
  const Seen options = seen<FromOptions>({.width = 6});
  BOOST_TEST(options.width == 6);
  BOOST_TEST(options.threads == -1);
  const Seen context = seen<FromContext>();
  BOOST_TEST(context.width == -1);
  BOOST_TEST(context.threads == 3);
  BOOST_TEST(seen<FromNothing>().threads == -1);
}

BOOST_AUTO_TEST_CASE(a_constructor_may_take_one_part_of_the_context) {
  vlp::Context ctx;
  ctx.folders.share = "here";
  ctx.facts.tokens.pad = 7;
  const auto of_folders = vlp::build_component<FromFolders>({.width = 4}, ctx);
  BOOST_TEST(of_folders.width == 4);
  BOOST_TEST(of_folders.share == "here");
  BOOST_TEST(vlp::build_component<FromFacts>({}, ctx).pad == 7);
}

BOOST_AUTO_TEST_CASE(so_does_a_plain_class) {
  BOOST_TEST(vlp::build_component<PlainFromOptions>({.width = 7}, vlp::Context{}).width == 7);
}

BOOST_AUTO_TEST_SUITE_END()
