#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vlp/trace/compare.hpp"
#include "vlp/trace/file.hpp"
#include "vlp/weights/numbers.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

/// Sums up differences of one tensor.
class Distance {
 public:
  void add(double a, double b) {
    raise(a == b ? 0.0 : std::abs(a - b));  // equal infinities don't differ
    const double difference = a == b ? 0.0 : a - b;
    squares_ += difference * difference;
    reference_ += b * b;
  }
  /// A bound from below for the largest difference. NaN stays.
  void raise(double difference) {
    largest_ = std::isnan(largest_) || difference <= largest_ ? largest_ : difference;
  }

  [[nodiscard]] double largest() const { return largest_; }
  [[nodiscard]] double relative() const {
    return squares_ == 0 ? 0.0 : std::sqrt(squares_ / reference_);
  }

 private:
  double largest_ = 0, squares_ = 0, reference_ = 0;
};

/// Compares one tensor at one precision of each file.
class PartsComparison {
 public:
  PartsComparison(const StoredParts& a, const std::vector<std::int64_t>& index_a,
                  const StoredParts& b, const std::vector<std::int64_t>& index_b)
      : a_(a), b_(b), index_a_(index_a), index_b_(index_b) {}

  /// Adds to what was found before. @return  why nothing could be compared, or nothing
  [[nodiscard]] std::string compare(TensorDifference& into) {
    if (a_.whole && b_.whole) {
      compare_whole(*a_.whole, *b_.whole);
    } else {
      compare_listed(a_.rows, b_.rows, "rows");
      compare_listed(a_.columns, b_.columns, "columns");
      compare_sums();
    }
    if (!problem_.empty()) return problem_;
    if (!compared_) return "nothing in common: the files hold different parts of it";
    into.largest = std::isnan(into.largest) || distance_.largest() <= into.largest
                       ? into.largest
                       : distance_.largest();
    into.relative = std::max(into.relative, distance_.relative());
    for (const std::string& word : how_)
      if (into.how.find(word) == std::string::npos)
        into.how += (into.how.empty() ? "" : ", ") + word;
    return {};
  }

 private:
  void note_dtypes(const Numbers& a, const Numbers& b) {
    compared_ = true;
    if (a.dtype() != b.dtype()) how_.push_back(a.dtype() + " with " + b.dtype());
  }

  void compare_whole(const Numbers& a, const Numbers& b) {
    if (a.shape() != b.shape()) {
      problem_ = "shapes " + shape_text(a.shape()) + " and " + shape_text(b.shape());
      return;
    }
    note_dtypes(a, b);
    for (std::size_t i = 0; i < a.size(); ++i) distance_.add(a[i], b[i]);
  }

  /// A tensor seen as [outer, items, inner], of which items are rows or columns.
  struct Sliced {
    const Numbers* numbers;
    std::size_t outer = 1, items = 1, inner = 1;
    std::map<std::int64_t, std::size_t>
        places;  // of the items that are stored; empty = all, in order

    [[nodiscard]] std::optional<std::size_t> place(std::int64_t item) const {
      if (places.empty())
        return item < static_cast<std::int64_t>(items)
                   ? std::optional(static_cast<std::size_t>(item))
                   : std::nullopt;
      const auto found = places.find(item);
      return found == places.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] double at(std::size_t o, std::size_t place, std::size_t i) const {
      return (*numbers)[(o * items + place) * inner + i];
    }
  };

  static Sliced sliced(const Numbers& numbers, bool rows, const std::vector<std::int64_t>* index) {
    Sliced slices{&numbers, 1, 1, 1, {}};
    const auto& shape = numbers.shape();
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const bool cut = axis == (rows ? 0 : shape.size() - 1);
      (cut    ? slices.items
       : rows ? slices.inner
              : slices.outer) *= static_cast<std::size_t>(shape[axis]);
    }
    if (index)
      for (std::size_t i = 0; i < index->size(); ++i) slices.places.emplace((*index)[i], i);
    return slices;
  }

  void compare_listed(const std::optional<Numbers>& part_a, const std::optional<Numbers>& part_b,
                      const std::string& what) {
    const std::optional<Numbers>&a = part_a ? part_a : a_.whole, &b = part_b ? part_b : b_.whole;
    if (!a || !b || (!part_a && !part_b)) return;
    const bool rows = what == "rows";
    const Sliced left = sliced(*a, rows, part_a ? &index_a_ : nullptr),
                 right = sliced(*b, rows, part_b ? &index_b_ : nullptr);
    if (a->shape().size() != b->shape().size() || left.outer != right.outer ||
        left.inner != right.inner) {
      problem_ =
          "shapes " + shape_text(a->shape()) + " and " + shape_text(b->shape()) + " of " + what;
      return;
    }
    std::size_t common = 0;
    for (const std::int64_t item : part_b ? index_b_ : index_a_) {
      const auto i = left.place(item), j = right.place(item);
      if ((!i && !part_a) || (!j && !part_b)) {
        problem_ = "no " + what.substr(0, what.size() - 1) + " " + std::to_string(item) +
                   " in shape " + shape_text((part_a ? b : a)->shape());
        return;
      }
      if (!i || !j) continue;
      ++common;
      for (std::size_t o = 0; o < left.outer; ++o)
        for (std::size_t k = 0; k < left.inner; ++k)
          distance_.add(left.at(o, *i, k), right.at(o, *j, k));
    }
    if (common == 0) return;
    note_dtypes(*a, *b);
    how_.push_back(std::to_string(common) + " " + what);
  }

  /// Sum, sum of absolute values, sum of squares.
  static std::array<double, 3> sums_of(const Numbers& numbers, bool summed) {
    if (summed) return {numbers[0], numbers[1], numbers[2]};
    std::array<double, 3> sums{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      sums[0] += numbers[i];
      sums[1] += std::abs(numbers[i]);
      sums[2] += numbers[i] * numbers[i];
    }
    return sums;
  }

  /// How many numbers the whole tensor has; at least that many where no file holds the whole.
  [[nodiscard]] double count() const {
    if (a_.whole || b_.whole) return static_cast<double>((a_.whole ? a_.whole : b_.whole)->size());
    if (!a_.rows || index_a_.empty()) return 1;
    return static_cast<double>(a_.rows->size() / index_a_.size()) *
           static_cast<double>(*std::ranges::max_element(index_a_) + 1);
  }

  /// No number can differ by more than d where the means differ by more than d, nor where the roots
  /// of the mean squares do: so differences of sums, divided like this, are bounds from below for
  /// the largest difference.
  void compare_sums() {
    const std::optional<Numbers>&a = a_.sums ? a_.sums : a_.whole,
          &b = b_.sums ? b_.sums : b_.whole;
    if (!a || !b || !problem_.empty() || count() == 0) return;
    const std::array<double, 3> left = sums_of(*a, a_.sums.has_value()),
                                right = sums_of(*b, b_.sums.has_value());
    for (const std::size_t i : {0, 1}) distance_.raise(std::abs(left[i] - right[i]) / count());
    distance_.raise(std::abs(std::sqrt(left[2]) - std::sqrt(right[2])) / std::sqrt(count()));
    compared_ = true;
    how_.push_back("sums");
  }

  const StoredParts &a_, &b_;
  const std::vector<std::int64_t>&index_a_, &index_b_;
  Distance distance_;
  std::vector<std::string> how_;
  std::string problem_;
  bool compared_ = false;
};

[[nodiscard]] inline TensorDifference compare_tensor(const std::string& name, const TraceFile& a,
                                                     const TraceFile& b) {
  TensorDifference difference{name, 0, 0, {}, {}};
  for (const auto* file : {&a, &b})
    if (!file->tensors.contains(name)) {
      difference.problem = "missing in " + file->path;
      return difference;
    }
  const StoredTensor &left = a.tensors.at(name), &right = b.tensors.at(name);
  const auto compare = [&](const std::optional<StoredParts>& from,
                           const std::optional<StoredParts>& with) {
    if (from && with && difference.problem.empty())
      difference.problem = PartsComparison(*from, a.index, *with, b.index).compare(difference);
    return from && with;
  };
  const bool full = compare(left.full, right.full), single = compare(left.single, right.single);
  if (!full && !single) {
    compare(left.full, right.single);
    compare(left.single, right.full);
  }
  return difference;
}

}  // namespace detail

VLP_INLINE std::vector<TensorDifference> compare_traces(const TraceFile& a, const TraceFile& b) {
  std::set<std::string> names;
  for (const auto* file : {&a, &b})
    for (const auto& [name, tensor] : file->tensors) names.insert(name);
  std::vector<TensorDifference> differences;
  for (const std::string& name : names) differences.push_back(detail::compare_tensor(name, a, b));
  return differences;
}

}  // namespace vlp
