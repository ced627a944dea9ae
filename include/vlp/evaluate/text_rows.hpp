#pragma once
// Many texts on the model's device, each wording once, to be embedded alone or matched with images
// without further copies. Letters: W wordings, T tokens of the longest, N image tokens, D width, E
// width of embeddings.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/evaluate/in_turn.hpp"

namespace vlp {

/// Texts that go through a text encoder together.
inline constexpr std::int64_t kTextsAPass = 128;

/// Texts whose equal rows are kept once, shortest first, so that neighbours need little padding.
class TextRows {
 public:
  /// @param texts   ids of each text, [CLS] ... [SEP]
  /// @param pad     id of [PAD]
  /// @param device  where the model is
  TextRows(std::span<const std::vector<std::int64_t>> texts, std::int64_t pad, at::Device device)
      : wording_of_text_(texts.size()) {
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      if (texts[a].size() != texts[b].size()) return texts[a].size() < texts[b].size();
      return texts[a] != texts[b] ? texts[a] < texts[b] : a < b;
    });
    std::vector<std::vector<std::int64_t>> wordings;
    for (const std::size_t text : order) {
      if (wordings.empty() || wordings.back() != texts[text]) wordings.push_back(texts[text]);
      wording_of_text_[text] = static_cast<std::int64_t>(wordings.size()) - 1;
    }
    for (const auto& wording : wordings)
      lengths_.push_back(static_cast<std::int64_t>(wording.size()));
    const Texts batch = collate_ids(wordings, pad, 1);
    ids_ = batch.token_ids.to(device);
    mask_ = batch.token_mask.to(device);
  }

  /// W.
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(lengths_.size()); }
  /// For each text the number of its wording; wordings are sorted by length.
  [[nodiscard]] std::span<const std::int64_t> wording_of_text() const { return wording_of_text_; }

  /// @param parts  serve text states and embeddings
  /// @param peers  take passes in turn; all get the embeddings
  /// @return       [W, E] float32, unit rows
  [[nodiscard]] at::Tensor embeddings(const ModelParts& parts, const Peers& peers = {}) const {
    const auto passes = [&] {
      std::vector<at::Tensor> embeddings;
      for (std::int64_t pass = 0, first = 0; first < size(); ++pass, first += kTextsAPass) {
        if (!peers.takes(pass)) continue;
        const std::int64_t n = std::min(kTextsAPass, size() - first),
                           longest = lengths_[static_cast<std::size_t>(first + n - 1)];
        const auto part = [&](const at::Tensor& rows) {
          return rows.narrow(0, first, n).narrow(1, 0, longest);
        };
        embeddings.push_back(
            parts.call<TextEmbeddings>(parts.call<TextStates>(part(ids_), part(mask_)), part(mask_))
                .to(at::kFloat));
      }
      return Columns{std::move(embeddings)};
    };
    return in_turn(peers, 1, ids_.device(), passes).front();
  }

  /// One image with some of the wordings, in one pass.
  /// @param parts     serve grounded states and match logits
  /// @param image     one, [1, N, D]
  /// @param wordings  [n] int64, ascending, on the device
  /// @param last      the last of them
  /// @return          [n, 2] float32: no match, match
  [[nodiscard]] at::Tensor match_logits(const ModelParts& parts, const ImageMemory& image,
                                        const at::Tensor& wordings, std::int64_t last) const {
    const auto part = [&](const at::Tensor& rows) {
      return rows.narrow(1, 0, lengths_[static_cast<std::size_t>(last)]).index_select(0, wordings);
    };
    return parts.call<MatchLogits>(parts.call<GroundedStates>(part(ids_), part(mask_), image))
        .to(at::kFloat);
  }

 private:
  std::vector<std::int64_t> wording_of_text_;
  std::vector<std::int64_t> lengths_;  // [W] tokens
  at::Tensor ids_, mask_;              // [W, T] int64 and bool
};

}  // namespace vlp
