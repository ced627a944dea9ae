#pragma once
// The observer that tells a person: what a run is made of, how far it is, and what each evaluation
// gave. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "vlp/core/console.hpp"
#include "vlp/report/observer.hpp"

namespace vlp {

/// `epoch 2: step 90, validation loss 5.678 (itc 1.234, lm 4.444), CIDEr 0.567, best so far`. Of
/// more scores than fit a line only the first are shown, and the one that chooses.
[[nodiscard]] inline std::string epoch_text(const CheckpointRecord& record) {
  constexpr std::size_t kMost = 9;
  const Measured& measured = record.measured;
  std::string text = fmt::format("epoch {}: step {}", record.epoch, record.step);
  if (measured.loss) text += fmt::format(", validation loss {:.4f}", *measured.loss);
  if (const Scores terms = loss_terms(measured.losses); terms.size() > 1) {
    std::string parts;
    for (const auto& [name, value] : terms)
      parts += fmt::format("{}{} {:.4f}", parts.empty() ? "" : ", ", name, value);
    text += " (" + parts + ")";
  }
  for (std::size_t i = 0; i < measured.scores.size(); ++i) {
    const auto& [name, value] = measured.scores[i];
    if (i < kMost || name == record.chooser) text += fmt::format(", {} {:.4f}", name, value);
  }
  return text + (record.best ? ", best so far" : "");
}

/// Notes and progress for a console.
class ConsoleWriter {
 public:
  explicit ConsoleWriter(Console console) : console_(std::move(console)) {}

  void begin(const RunStart& start) const {
    console_.note(fmt::format("device {}, {} thread{}", start.device.text(), start.threads,
                              start.threads == 1 ? "" : "s"));
    console_.note(fmt::format("dataset {}: {} / {} / {} images for training / validation / test",
                              start.dataset, start.splits[0].size(), start.splits[1].size(),
                              start.splits[2].size()));
    console_.note(fmt::format("model {}: {:.1f} M parameters, {}", start.model,
                              static_cast<double>(start.parameters) / 1e6, start.weights));
  }
  void log(const LogLine& line) const {
    const std::string skipped =
        line.skipped > 0 ? fmt::format(", {} skipped", line.skipped) : std::string();
    const std::string task = fmt::format("epoch {}/{}{}", line.epoch, line.epochs, skipped);
    console_.progress({.task = task,
                       .done = line.step,
                       .total = line.steps,
                       .per_second = line.samples_per_s,
                       .unit = "samples",
                       .loss = line.loss,
                       .seconds_left = line.seconds_left});
  }
  void bad_sample(const BadSample& sample) {
    if (std::exchange(warned_, true)) return;
    console_.warning(
        fmt::format("image '{}' is skipped, {}: {} bad.jsonl in the run folder lists "
                    "it, and further ones",
                    sample.image_id.text(), sample.reason, sample.error));
  }
  void checkpoint(const CheckpointRecord& record) const { console_.note(epoch_text(record)); }
  void end(const RunEnd& end) const {
    if (const std::int64_t bad = end.report.bad; bad > 0)
      console_.note(fmt::format("{} image{} skipped as missing or broken; bad.jsonl lists {}", bad,
                                bad == 1 ? " was" : "s were", bad == 1 ? "it" : "them"));
  }

 private:
  Console console_;
  bool warned_ = false;
};
static_assert(Observer<ConsoleWriter>);

}  // namespace vlp
