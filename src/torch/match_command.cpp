// `vlp match`: how well each image fits each text, by a model's embeddings and by its matching
// head.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "src/torch/commands.hpp"
#include "src/torch/model_images.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/concepts/finite_tensor.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/core/text_lines.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/evaluate/text_rows.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/inference.hpp"

namespace vlp {

namespace {

/// The lines of a file or of standard input that are not blank.
/// @throws DataError if it can't be read or has none
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  TextLines in(path == "-" ? std::cin : file);
  std::vector<std::string> lines;
  while (auto line = in.next())
    if (!is_blank(*line)) lines.push_back(std::move(*line));
  if (lines.empty())
    throw DataError(
        path.string() +
        ": no texts could be read (expected a file with one a line). Check the path and the file.");
  return lines;
}

/// The texts of the command line, those of --text first.
std::vector<std::string> texts_of(const MatchCommand& command) {
  std::vector<std::string> texts = command.texts;
  for (const auto& list : command.text_lists) {
    std::vector<std::string> lines = read_lines(list);
    std::ranges::move(lines, std::back_inserter(texts));
  }
  return texts;
}

/// The model, changed by what the command line says.
OpenedModel opened(const MatchCommand& command, const Registry& registry, Terminal& terminal) {
  OpenModelArguments arguments = open_arguments(command.machine, terminal, parts::embeddings);
  if (command.match_token) arguments.sets = {"model.match_token=" + *command.match_token};
  return open_model(command.model, registry, arguments);
}

/// One image's numbers.
struct ImageMatches {
  at::Tensor similarities;   ///< [T] float32
  at::Tensor logits;         ///< [T, 2] float32; undefined for a dual encoder
  at::Tensor probabilities;  ///< [T] of a match; undefined for a dual encoder
};

/// A model with the texts that all images are compared with.
class Matching {
 public:
  Matching(const MatchCommand& command, const Registry& registry, Terminal& terminal)
      : command_(command),
        opened_(opened(command, registry, terminal)),
        images_(command, opened_, registry, terminal),
        texts_(texts_of(command)),
        rows_(ids(), opened_.ctx.facts.tokens.pad, torch_device(opened_.ctx.machine.device)) {
    if (opened_.ctx.machine.device.type == DeviceName::Type::cpu)
      weights_.emplace(opened_.model.ptr(), WeightForm::packed);
    const at::NoGradGuard no_grad;
    wordings_ =
        at::tensor(rows_.wording_of_text(), at::kLong).to(torch_device(opened_.ctx.machine.device));
    embeddings_ = rows_.embeddings(parts());
    terminal.line("device " + opened_.ctx.machine.device.text());
  }

  /// @return  how many images, folders and lists could not be read
  std::int64_t match_all() {
    return blaming_weights(opened_.not_finite, [this] {
      require_finite_texts();
      return images_.for_each_batch([this](std::span<const ReadImage> batch) { match(batch); });
    });
  }

 private:
  [[nodiscard]] const ModelParts& parts() const { return opened_.model.parts(); }

  /// The texts as the model reads them.
  /// @throws RecipeError if the model has no vocabulary
  [[nodiscard]] std::vector<std::vector<std::int64_t>> ids() const {
    if (!opened_.tokenizer)
      throw RecipeError(command_.model +
                        ": the model has no vocabulary, so texts can't be read. Put its "
                        "tokenizer's files beside it.");
    const std::string problem =
        text_room_problem(whole_prompt_length(*opened_.tokenizer, opened_.prompt),
                          opened_.plan.tokenizer.traits().longest_text);
    if (!opened_.prompt.empty() && !problem.empty())
      throw RecipeError(command_.model + ": the model's prompt " + problem + ".");
    std::vector<std::vector<std::int64_t>> ids;
    for (const std::string& text : texts_) {
      RandomStream random = opened_.ctx.facts.seeds.derive(text);
      ids.push_back(
          opened_.tokenizer->encode(with_prompt(opened_.prompt, opened_.transforms(text, random))));
    }
    return ids;
  }

  /// @throws NonFiniteError naming the first text whose embedding isn't finite
  void require_finite_texts() const {
    if (is_finite(embeddings_)) return;
    for (std::size_t i = 0; i < texts_.size(); ++i)
      if (const at::Tensor own = embeddings_[rows_.wording_of_text()[i]]; !is_finite(own))
        throw NonFiniteError("text \"" + texts_[i] +
                             "\": " + not_finite_text("the text embeddings", own));
  }

  /// @throws NonFiniteError if an image's numbers aren't finite
  void require_finite(const ReadImage& image, const ImageMatches& matches, const at::Tensor& states,
                      const at::Tensor& embedding) const {
    if (is_finite(matches.similarities) && (!matches.logits.defined() || is_finite(matches.logits)))
      return;
    const auto refuse = [&](std::string_view what, const at::Tensor& tensor) {
      if (!is_finite(tensor))
        throw NonFiniteError(shown_name(image.named) + ": " + not_finite_text(what, tensor));
    };
    refuse("the image states", states);
    refuse("the image embeddings", embedding);
    refuse("the similarities with the texts", matches.similarities);
    refuse("the match logits with the texts", matches.logits);
  }

  void match(std::span<const ReadImage> batch) {
    const at::NoGradGuard no_grad;
    const at::Tensor states = parts().call<ImageStates>(images_.pixels(batch));
    const at::Tensor embeddings = parts().call<ImageEmbeddings>(states).to(at::kFloat);
    const at::Tensor similarities =
        embeddings.matmul(embeddings_.t()).index_select(1, wordings_).cpu();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      ImageMatches matches{similarities[row], {}, {}};
      if (parts().has<MatchLogits>()) {
        matches.logits = logits(states.narrow(0, row, 1)).index_select(0, wordings_).cpu();
        matches.probabilities =
            matches.logits.to(at::kDouble).softmax(1).select(1, 1).to(at::kFloat);
      }
      require_finite(batch[i], matches, states[row], embeddings[row]);
      command_.json ? print_json(batch[i].named, matches) : print_table(batch[i].named, matches);
    }
    flush_output("match");
  }

  /// [W, 2] of one image with all wordings.
  [[nodiscard]] at::Tensor logits(const ImageMemory& image) const {
    const at::Tensor all = at::arange(rows_.size(), wordings_.options());
    std::vector<at::Tensor> logits;
    for (std::int64_t first = 0; first < rows_.size(); first += kTextsAPass) {
      const std::int64_t n = std::min(kTextsAPass, rows_.size() - first);
      logits.push_back(rows_.match_logits(parts(), image, all.narrow(0, first, n), first + n - 1));
    }
    return at::cat(logits);
  }

  void print_json(const NamedImage& named, const ImageMatches& matches) const {
    const auto value = [](const at::Tensor& of, std::int64_t text) {
      return of.defined() ? Json(of[text].item<float>()) : Json(nullptr);
    };
    Json list = Json::array();
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const auto text = static_cast<std::int64_t>(i);
      list.push_back(
          {{"text", texts_[i]},
           {"probability", value(matches.probabilities, text)},
           {"similarity", value(matches.similarities, text)},
           {"logits", matches.logits.defined() ? Json{value(matches.logits.select(1, 0), text),
                                                      value(matches.logits.select(1, 1), text)}
                                               : Json(nullptr)}});
    }
    print_json_line({{"image", json_name(named)}, {"matches", list}});
  }

  void print_table(const NamedImage& named, const ImageMatches& matches) const {
    const bool head = matches.probabilities.defined();
    fmt::print("{}\n{}  similarity  text\n", named.name, head ? "  probability" : "");
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const auto text = static_cast<std::int64_t>(i);
      if (head) fmt::print("  {:>11.4f}", matches.probabilities[text].item<float>());
      fmt::print("  {:>10.4f}  {}\n", matches.similarities[text].item<float>(), texts_[i]);
    }
  }

  const MatchCommand& command_;
  OpenedModel opened_;
  ModelImages images_;
  std::vector<std::string> texts_;  // as given
  TextRows rows_;
  at::Tensor wordings_;    // [T] the wording of each text
  at::Tensor embeddings_;  // [W, E] of the wordings
  std::optional<InferenceWeights> weights_;
};

}  // namespace

int carry_out(const MatchCommand& command, const Registry& registry, Terminal& terminal) {
  Matching matching(command, registry, terminal);
  return matching.match_all() == 0 ? 0 : static_cast<int>(ExitCode::data);
}

}  // namespace vlp
