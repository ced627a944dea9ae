// `vlp trace --compare A B`.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/main/commands.hpp"
#include "vlp/core/error.hpp"
#include "vlp/trace/compare.hpp"

namespace vlp {

namespace {

void print(const TensorDifference& tensor, std::size_t width, double tolerance) {
  const char* mark = tensor.beyond(tolerance) ? "DIFFERS  " : "         ";
  if (!tensor.problem.empty())
    fmt::print("{}{:<{}}  {}\n", mark, tensor.name, width, tensor.problem);
  else
    fmt::print("{}{:<{}}  {:.3e}  relative {:.3e}{}\n", mark, tensor.name, width, tensor.largest,
               tensor.relative, tensor.how.empty() ? "" : "  (" + tensor.how + ")");
}

}  // namespace

int compare_command(const CompareCommand& command) {
  const TraceFile a = read_trace(command.files.at(0)), b = read_trace(command.files.at(1));
  const std::vector<TensorDifference> tensors = compare_traces(a, b);
  if (tensors.empty())
    throw DataError(a.path + " and " + b.path +
                    ": both hold no tensor to compare. Give files that `vlp trace` wrote.");

  std::size_t width = 0;
  std::size_t compared = 0, beyond = 0, not_compared = 0;
  const TensorDifference* largest = nullptr;
  for (const TensorDifference& tensor : tensors) width = std::max(width, tensor.name.size());
  for (const TensorDifference& tensor : tensors) {
    print(tensor, width, command.tolerance);
    if (!tensor.problem.empty()) {
      ++not_compared;
      continue;
    }
    ++compared;
    beyond += tensor.beyond(command.tolerance);
    if (!largest || tensor.largest > largest->largest || std::isnan(tensor.largest))
      largest = &tensor;
  }
  fmt::print("{} tensors compared", compared);
  if (largest) fmt::print(", largest difference {:.3e} ({})", largest->largest, largest->name);
  fmt::print("; {} beyond {:g}, {} missing or not comparable\n", beyond, command.tolerance,
             not_compared);
  return static_cast<int>(beyond + not_compared == 0 ? ExitCode::ok : ExitCode::differs);
}

}  // namespace vlp
