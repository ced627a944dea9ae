// `vlp score`: captions against references, or their tokens.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <range/v3/view/zip.hpp>

#include "src/main/commands.hpp"
#include "src/main/output.hpp"
#include "src/main/score_metrics.hpp"
#include "src/main/score_report.hpp"
#include "vlp/captions/blank_captions.hpp"
#include "vlp/captions/caption_file.hpp"
#include "vlp/captions/match_captions.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/confidence.hpp"
#include "vlp/scoring/document_frequencies.hpp"
#include "vlp/scoring/ptb_tokens.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

namespace {

/// Begins to read a file, on a thread of its own where there may be several.
std::future<CaptionFile> reading(const std::filesystem::path& path,
                                 const CaptionFileOptions& options, std::int64_t threads) {
  return std::async(threads == 1 ? std::launch::deferred : std::launch::async,
                    [=] { return read_caption_file(path, options); });
}

void print_notes(const CaptionFile& file) {
  for (const std::string& note : file.notes) fmt::print(stderr, "{}\n", note);
}

/// Waits for a file and says on stderr what was passed over.
CaptionFile finished(std::future<CaptionFile> reading) {
  CaptionFile file = reading.get();
  print_notes(file);
  return file;
}

/// The same of references. Blank ones would be what nobody can say, and lower CIDEr, a mean over
/// references; an image that has no others is scored by them, as pycocoevalcap does. A blank
/// candidate is an answer and stays.
CaptionFile finished_references(std::future<CaptionFile> reading) {
  CaptionFile file = reading.get();
  pass_over_blank(file, AllBlank::kept);
  print_notes(file);
  return file;
}

/// Captions of the images that both files have, with a line on stderr that says how many.
MatchedCaptions match(CaptionFile references, CaptionFile candidates, bool partial) {
  const std::string name = candidates.name;
  MatchedCaptions matched = match_captions(std::move(references), std::move(candidates), partial);
  fmt::print(stderr, "{}: {} image{} matched", name, matched.images.size(),
             matched.images.size() == 1 ? "" : "s");
  if (matched.missing > 0) fmt::print(stderr, ", {} without a candidate left out", matched.missing);
  if (matched.extra > 0) fmt::print(stderr, ", {} without references left out", matched.extra);
  fmt::print(stderr, "\n");
  return matched;
}

/// The images of `tokens` with the baseline's candidates, which are a stream of their own.
/// @throws DataError if the baseline is of other images
std::vector<ScoredCaption> with_baseline(std::vector<ScoredCaption> tokens,
                                         const std::vector<ScoredCaption>& baseline,
                                         const PtbOptions& options, const ScoreCommand& command) {
  if (!std::ranges::equal(tokens, baseline, {}, &ScoredCaption::image_id, &ScoredCaption::image_id))
    throw DataError(fmt::format(
        "{}: can't be compared with {}, they are of different images (got {} and {} images with "
        "references, "
        "expected the same ones). Leave out those that only one of them has.",
        command.baseline.string(), command.candidates.string(), baseline.size(), tokens.size()));
  std::vector<std::string_view> captions;
  for (const ScoredCaption& image : baseline) captions.push_back(image.candidate);
  std::vector<std::string> candidates = ptb_tokens(captions, options);
  for (auto&& [image, raw, candidate] : ranges::views::zip(tokens, captions, candidates)) {
    image.raw = raw;
    image.candidate = std::move(candidate);
  }
  return tokens;
}

std::vector<ImageStatistics> measured(std::span<const AnyMetric> metrics,
                                      const CaptionSet& captions) {
  std::vector<ImageStatistics> rows;
  for (const AnyMetric& metric : metrics) rows.push_back(measured_by(metric, captions));
  return rows;
}

/// @param sums_of  the sums of a metric's rows that its scores are computed from
template <class SumsOf>
Scores all_scores(std::span<const AnyMetric> metrics, const std::vector<ImageStatistics>& rows,
                  const SumsOf& sums_of) {
  Scores all;
  for (const auto& [metric, of_metric] : ranges::views::zip(metrics, rows))
    for (auto& score : metric.scores(sums_of(of_metric))) all.push_back(std::move(score));
  return all;
}

Scores all_scores(std::span<const AnyMetric> metrics, const std::vector<ImageStatistics>& rows) {
  return all_scores(metrics, rows, [](const ImageStatistics& of) { return of.sums(); });
}

void save_document_frequencies(const CaptionSet& captions, const std::filesystem::path& path) {
  const std::string json = DocumentFrequencies(captions).json();
  try {
    AtomicFile<DataError> file(path);
    file.write(std::as_bytes(std::span(json)));
    file.commit();
  } catch (const DataError& error) {
    throw DataError(std::string("--save-document-frequencies: ") + error.what() +
                    " Name a file in a folder that can be written.");
  }
}

/// What stands before and between line feeds; the last line may have none behind it.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

/// A text file's captions as the metrics see them, or before punctuation is left out.
int print_tokens(const ScoreCommand& command) {
  const TextFile file = TextFile::read(command.file);
  if (const std::size_t good = utf8_prefix(file.text()); good < file.text().size())
    throw DataError(fmt::format(
        "{}: not UTF-8 (got byte 0x{:02X}, expected a character). Convert the file to UTF-8.",
        file.place(good), static_cast<unsigned char>(file.text()[good])));
  const std::vector<std::string_view> captions = lines_of(file.text());
  std::string result;
  for (const std::string& tokens :
       ptb_tokens(captions, {.isolated = command.isolated,
                             .keep_punctuation = command.tokens == "raw",
                             .threads = command.threads}))
    result.append(tokens).append("\n");
  print_results(result);
  flush_results();
  return 0;
}

}  // namespace

int score_command(const ScoreCommand& command) {
  if (!command.tokens.empty()) return print_tokens(command);
  const std::vector<AnyMetric> metrics = metrics_of(command);
  const PtbOptions tokenizing{.isolated = command.isolated, .threads = command.threads};
  auto candidates = reading(command.candidates, {}, command.threads);
  CaptionFile references = finished_references(
      reading(command.references, {.split = command.split, .image_key = command.image_key},
              command.threads));
  const bool compares = !command.baseline.empty();
  MatchedCaptions baseline;
  if (compares)
    baseline = match(references, finished(reading(command.baseline, {}, command.threads)),
                     command.partial);
  MatchedCaptions matched =
      match(std::move(references), finished(std::move(candidates)), command.partial);
  std::vector<ScoredCaption> tokens = ptb_tokens(std::move(matched.images), tokenizing);
  std::vector<ScoredCaption> baseline_tokens;
  if (compares) baseline_tokens = with_baseline(tokens, baseline.images, tokenizing, command);

  const std::int64_t threads = threads_for(command.threads, tokens.size(), kImagesWorthAThread);
  const CaptionSet captions(std::move(tokens), threads);
  if (!command.save_document_frequencies.empty())
    save_document_frequencies(captions, command.save_document_frequencies);
  const std::vector<ImageStatistics> rows = measured(metrics, captions);
  ScoreReport report{.images = captions.size(),
                     .missing = matched.missing,
                     .extra = matched.extra,
                     .scores = all_scores(metrics, rows)};
  const ConfidenceOptions confidence{.level = command.confidence.value_or(0.95),
                                     .resamples = command.resamples,
                                     .seed = static_cast<std::uint64_t>(command.seed.value_or(0)),
                                     .threads = command.threads};
  report.level = confidence.level;
  if (command.confidence) report.intervals = confidence_intervals(metrics, rows, confidence);
  if (compares) {
    const std::vector<ImageStatistics> baseline_rows =
        measured(metrics, CaptionSet(std::move(baseline_tokens), threads));
    report.baseline = all_scores(metrics, baseline_rows);
    report.differences = paired_differences(metrics, rows, baseline_rows, confidence);
  }
  if (command.per_image)
    for (std::size_t i = 0; i < captions.size(); ++i)
      report.per_image.emplace_back(
          captions.image(i).image_id,
          all_scores(metrics, rows, [&](const ImageStatistics& of) { return of.row(i); }));
  print_results(command.json ? as_json(report) : as_text(report));
  flush_results();
  return 0;
}

}  // namespace vlp
