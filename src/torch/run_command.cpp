#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "src/torch/commands.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/run.hpp"
#include "vlp/train/device.hpp"

namespace vlp {

namespace {

/// Scores side by side: the model's, and the baseline's where there is one.
void print_scores(const Report& report) {
  const bool trained = report.history.best_epoch > 0;
  fmt::print("\n{} split, {} images{}\n", report.split, report.measured.images,
             trained ? fmt::format(", weights of epoch {}", report.history.best_epoch) : "");
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
  arguments.out = command.out.empty()
                      ? std::filesystem::path("runs") / timed_name(recipe.file.stem().string())
                      : command.out;
  arguments.data_dir = command.data_dir;
  arguments.share_dir = command.machine.share_dir;
  arguments.device = choice.device;
  arguments.threads = command.machine.threads;
  arguments.console = terminal.console();
  arguments.quick = command.quick;
  const Report report = run(recipe, registry, arguments);

  terminal.line("");
  if (report.history.best_epoch > 0)
    fmt::print("{} updates in {:.0f} s on {}\n", report.history.steps, report.history.train_seconds,
               choice.device.text());
  print_scores(report);
  fmt::print("\nrun folder     {}\n", report.folder.string());
  if (!report.contact_sheet.empty())
    fmt::print("contact sheet  {}\n", report.contact_sheet.string());
  return 0;
}

}  // namespace vlp
