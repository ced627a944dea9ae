#include "src/main/score_report.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <range/v3/view/enumerate.hpp>

#include "vlp/core/image_id_json.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

namespace {

/// The entry of that name; null if there is none. Lists of scores are short.
template <class Named>
const Named* named(const std::vector<std::pair<std::string, Named>>& entries,
                   std::string_view name) {
  for (const auto& [key, value] : entries)
    if (key == name) return &value;
  return nullptr;
}

/// Columns as wide as their widest cell; the first one flush left, the others flush right.
class TextTable {
 public:
  void add(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths_[i] = std::max(widths_[i], fmt::formatted_size("{}", cells[i]));
    rows_.push_back(std::move(cells));
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    for (const std::vector<std::string>& cells : rows_) {
      for (const auto& [column, cell] : ranges::views::enumerate(cells))
        if (column == 0)
          fmt::format_to(std::back_inserter(text), "{:<{}}", cell, widths_[column]);
        else
          fmt::format_to(std::back_inserter(text), "  {:>{}}", cell, widths_[column]);
      text += '\n';
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

std::string number(double value) { return fmt::format("{:.6f}", value); }
std::string signed_number(double value) { return fmt::format("{:+.6f}", value); }

std::string score_table(const ScoreReport& report) {
  const std::string confidence = fmt::format("{:g} % confidence", report.level * 100);
  TextTable table;
  std::vector<std::string> head{"", "score"};
  if (!report.intervals.empty()) head.push_back(confidence);
  if (!report.differences.empty())
    head.insert(head.end(), {"baseline", "difference", confidence, "p"});
  if (head.size() > 2) table.add(std::move(head));

  for (const auto& [name, value] : report.scores) {
    std::vector<std::string> row{name, number(value)};
    if (!report.intervals.empty()) {
      const Interval* interval = named(report.intervals, name);
      row.push_back(interval ? number(interval->low) + " to " + number(interval->high) : "");
    }
    if (!report.differences.empty()) {
      const auto found = std::ranges::find(report.differences, name, &ScoreDifference::name);
      if (found != report.differences.end())
        row.insert(
            row.end(),
            {number(*named(report.baseline, name)), signed_number(found->difference),
             signed_number(found->interval.low) + " to " + signed_number(found->interval.high),
             fmt::format("{:.4f}", found->p)});
    }
    table.add(std::move(row));
  }
  return table.text();
}

std::string image_table(const ScoreReport& report) {
  TextTable table;
  std::vector<std::string> head{"image"};
  for (const auto& [name, value] : report.scores) head.push_back(name);
  table.add(std::move(head));
  for (const auto& [id, scores] : report.per_image) {
    std::vector<std::string> row{printable(id.text())};
    for (const auto& [name, value] : report.scores) {
      const double* own = named(scores, name);
      row.push_back(own ? number(*own) : "");
    }
    table.add(std::move(row));
  }
  return table.text();
}

Json as_object(const Scores& scores) {
  Json object = Json::object();
  for (const auto& [name, value] : scores) object[name] = value;
  return object;
}

Json as_list(const Interval& interval) { return Json::array({interval.low, interval.high}); }

}  // namespace

std::string as_text(const ScoreReport& report) {
  return score_table(report) + (report.per_image.empty() ? "" : "\n" + image_table(report));
}

std::string as_json(const ScoreReport& report) {
  Json json{{"scores", as_object(report.scores)}, {"images", report.images}};
  if (report.missing + report.extra > 0) {
    json["missing"] = report.missing;
    json["extra"] = report.extra;
  }
  if (!report.intervals.empty()) {
    Json& confidence = json["confidence"] = Json::object();
    for (const auto& [name, interval] : report.intervals) confidence[name] = as_list(interval);
  }
  if (!report.differences.empty()) {
    Json difference = Json::object(), interval = Json::object(), p = Json::object();
    for (const ScoreDifference& score : report.differences) {
      difference[score.name] = score.difference;
      interval[score.name] = as_list(score.interval);
      p[score.name] = score.p;
    }
    json["baseline"] = {{"scores", as_object(report.baseline)},
                        {"difference", difference},
                        {"interval", interval},
                        {"p", p}};
  }
  if (!report.per_image.empty()) {
    Json& images = json["per_image"] = Json::array();
    for (const auto& [id, scores] : report.per_image) {
      Json image{{"image_id", id}};
      image.update(as_object(scores));
      images.push_back(std::move(image));
    }
  }
  return json.dump() + "\n";
}

}  // namespace vlp
