#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "src/torch/commands.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/run.hpp"
#include "vlp/train/device.hpp"

namespace vlp {

namespace {

/// The first signal that asked the run to end; 0 = none.
std::atomic<int> asked_by{0};
static_assert(std::atomic<int>::is_always_lock_free);

/// The first signal asks, the second stops at once.
void on_signal(int number) {
  int none = 0;
  if (asked_by.compare_exchange_strong(none, number)) {
    constexpr std::string_view text =
        "\nending behind this update or batch, with a checkpoint; once more stops at once\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    return;
  }
  std::signal(number, SIG_DFL);
  std::raise(number);
}

std::string why_asked() {
  switch (asked_by.load()) {
    case 0:       return {};
    case SIGINT:  return "interrupted by SIGINT";
    case SIGTERM: return "interrupted by SIGTERM";
    default:      return "interrupted by SIGUSR1";
  }
}

/// A thread that does nothing but run signals' handlers: this thread, and those that it starts
/// while this lives, get no signal. A handler must never run in a thread that computes: one that
/// came in the midst of a matrix product by oneDNN's AVX-512 code left a broken heap behind.
class SignalThread {
 public:
  explicit SignalThread(const sigset_t& signals)
      : thread_([](const std::stop_token& stop) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any().wait(lock, stop, [] { return false; });
        }) {
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalThread() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  std::jthread thread_;  // begun before the signals are blocked, which it inherits otherwise
  sigset_t before_{};
};

/// While it lives, signals ask a run to end, and a file that may not grow is an error of that file.
class RunSignals {
 public:
  RunSignals() {
    asked_by = 0;
    sigset_t asking;
    sigemptyset(&asking);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction action{};
      action.sa_handler = kSignals[i] == SIGXFSZ ? SIG_IGN : on_signal;
      action.sa_flags = SA_RESTART;
      sigemptyset(&action.sa_mask);
      ::sigaction(kSignals[i], &action, &before_[i]);
      if (kSignals[i] != SIGXFSZ) sigaddset(&asking, kSignals[i]);
    }
    thread_.emplace(asking);
  }
  ~RunSignals() {
    thread_.reset();  // what comes at the very end still asks, and does no harm
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  RunSignals(const RunSignals&) = delete;
  RunSignals& operator=(const RunSignals&) = delete;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
  std::array<struct sigaction, kSignals.size()> before_{};
  std::optional<SignalThread> thread_;
};

/// Scores side by side: the model's, and the baseline's where there is one.
void print_scores(const Report& report) {
  const bool trained = report.history.best_step > 0;
  const std::int64_t bad = report.measured.bad;
  fmt::print("\n{} split, {} images{}{}\n", report.split, report.measured.images,
             bad > 0 ? fmt::format(" without {} missing or broken", bad) : "",
             trained ? ", weights of " + report.history.best_in_words() : "");
  fmt::print("  {:<20} {:>8}{}\n", "", "model", report.baseline.empty() ? "" : "  baseline");
  if (report.measured.loss) fmt::print("  {:<20} {:>8.4f}\n", "loss", *report.measured.loss);
  if (const Scores parts = loss_terms(report.measured.losses); parts.size() > 1)
    for (const auto& [name, value] : parts) fmt::print("    {:<18} {:>8.4f}\n", name, value);
  for (const auto& [name, value] : report.measured.scores) {
    const auto same = score_named(report.baseline, name);
    fmt::print("  {:<20} {:>8.4f}{}\n", name, value, same ? fmt::format("  {:>8.4f}", *same) : "");
  }
  if (!report.baseline_caption.empty())
    fmt::print("  baseline: every image is \"{}\"\n", report.baseline_caption);
}

}  // namespace

int carry_out(const RunCommand& command, const Registry& registry, Terminal& terminal) {
  const Recipe recipe = recipe_of(command);
  const DeviceChoice choice = choose_device(command.machine.device);

  if (!choice.reason.empty()) terminal.line("no GPU used: " + choice.reason);

  RunArguments arguments;
  arguments.counts_up = command.out.empty();
  arguments.out = command.out.empty()
                      ? std::filesystem::path("runs") / timed_name(recipe.file.stem().string())
                      : command.out;
  arguments.data_dir = command.data_dir;
  arguments.share_dir = command.machine.share_dir;
  arguments.device = choice.device;
  arguments.threads = command.machine.threads;
  arguments.console = terminal.console();
  arguments.quick = command.quick;
  arguments.resume = !command.resume.empty();
  arguments.allow_changes = command.allow_changes;
  arguments.sets = joined_sets(command.earlier_sets, command.sets);
  arguments.stop = Stop(why_asked);
  const RunSignals signals;
  const Report report = run(recipe, registry, arguments);
  if (report.finished_before) {
    fmt::print("{}: this run is finished, there is nothing to do\n", report.folder.string());
    return 0;
  }

  terminal.line("");
  if (report.history.best_step > 0)
    fmt::print("{} updates in {:.0f} s on {}\n", report.history.steps, report.history.train_seconds,
               choice.device.text());
  print_scores(report);
  fmt::print("\nrun folder     {}\n", report.folder.string());
  if (!report.contact_sheet.empty())
    fmt::print("contact sheet  {}\n", report.contact_sheet.string());
  return 0;
}

}  // namespace vlp
