#pragma once
// What a run found, as its caller gets it. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <string>

#include "vlp/report/history.hpp"
#include "vlp/report/measured.hpp"

namespace vlp {

/// The outcome of a run.
struct Report {
  std::filesystem::path folder;  ///< of the run
  std::string split;             ///< that was scored at the end
  Measured measured;             ///< of the best weights, on that split
  Scores baseline;               ///< of the commonest training caption; empty if not asked for, or
                                 ///< without captions
  std::string baseline_caption;  ///< said of every image; of several processes the first knows it
  History history;               ///< of the training; empty if there was none
  std::int64_t bad = 0;          ///< images that were skipped, in training and evaluations
                                 ///< together; of several processes the first knows it
  std::filesystem::path contact_sheet;  ///< empty if not asked for, or without captions
  bool finished_before = false;  ///< the run was over already: nothing was done, and only `folder`
                                 ///< is filled in
};

}  // namespace vlp
