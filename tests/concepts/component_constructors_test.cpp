// A component is built from its options and what it reads of the context: all, parts or nothing,
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

/// Reads two parts of the context, or all three, in their order.
struct FromMachineAndFacts {
  static constexpr std::string_view name = "from_machine_and_facts";
  using Options = WidthOptions;
  FromMachineAndFacts(const Options& options, const vlp::Machine& machine, const vlp::Facts& facts)
      : width(options.width), threads(machine.threads), pad(facts.tokens.pad) {}
  std::int64_t width;
  int threads;
  std::int64_t pad;
};
struct FromMachineAndFolders {
  static constexpr std::string_view name = "from_machine_and_folders";
  FromMachineAndFolders(const vlp::Machine& machine, const vlp::Folders& folders)
      : threads(machine.threads), share(folders.share) {}
  int threads;
  std::filesystem::path share;
};
struct FromFoldersAndFactsImpl : torch::nn::Module {
  static constexpr std::string_view name = "from_folders_and_facts";
  FromFoldersAndFactsImpl(const vlp::Folders& folders, const vlp::Facts& facts)
      : share(folders.share), pad(facts.tokens.pad) {}
  std::filesystem::path share;
  std::int64_t pad;
};
TORCH_MODULE(FromFoldersAndFacts);
struct FromEachPart {
  static constexpr std::string_view name = "from_each_part";
  FromEachPart(const vlp::Machine& machine, const vlp::Folders& folders, const vlp::Facts& facts)
      : threads(machine.threads), share(folders.share), pad(facts.tokens.pad) {}
  int threads;
  std::filesystem::path share;
  std::int64_t pad;
};
static_assert(vlp::Component<FromMachineAndFacts> && vlp::Component<FromMachineAndFolders> &&
              vlp::Component<FromFoldersAndFacts> && vlp::Component<FromEachPart>);

/// In another order they are refused.
struct FromFactsAndMachine {
  static constexpr std::string_view name = "from_facts_and_machine";
  FromFactsAndMachine(const vlp::Facts&, const vlp::Machine&) {}
};
static_assert(!vlp::Component<FromFactsAndMachine>);

/// Of several constructors that fit, the one that reads most is taken.
struct FromMuchOrLittle {
  static constexpr std::string_view name = "from_much_or_little";
  FromMuchOrLittle() = default;
  explicit FromMuchOrLittle(const vlp::Facts&) : parts(1) {}
  FromMuchOrLittle(const vlp::Machine&, const vlp::Facts&) : parts(2) {}
  int parts = 0;
};

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

BOOST_AUTO_TEST_CASE(a_constructor_may_take_several_parts_in_their_order) {
  vlp::Context ctx = context_of_three_threads();
  ctx.folders.share = "here";
  ctx.facts.tokens.pad = 7;
  const auto machine_facts = vlp::build_component<FromMachineAndFacts>({.width = 4}, ctx);
  BOOST_TEST(machine_facts.width == 4);
  BOOST_TEST(machine_facts.threads == 3);
  BOOST_TEST(machine_facts.pad == 7);
  const auto machine_folders = vlp::build_component<FromMachineAndFolders>({}, ctx);
  BOOST_TEST(machine_folders.threads == 3);
  BOOST_TEST(machine_folders.share == "here");
  const auto folders_facts = vlp::build_component<FromFoldersAndFacts>({}, ctx);
  BOOST_TEST(folders_facts->share == "here");
  BOOST_TEST(folders_facts->pad == 7);
  const auto each = vlp::build_component<FromEachPart>({}, ctx);
  BOOST_TEST(each.threads == 3);
  BOOST_TEST(each.share == "here");
  BOOST_TEST(each.pad == 7);
  BOOST_TEST(vlp::build_component<FromMuchOrLittle>({}, ctx).parts == 2);
}

BOOST_AUTO_TEST_CASE(so_does_a_plain_class) {
  BOOST_TEST(vlp::build_component<PlainFromOptions>({.width = 7}, vlp::Context{}).width == 7);
}

BOOST_AUTO_TEST_SUITE_END()
