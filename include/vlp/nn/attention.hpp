#pragma once
// Scaled dot-product attention over several heads (Vaswani et al. 2017, equation 1), as functions
// of what is already projected. Letters: B batch, H heads, T queries, S keys, d = D / H.

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace vlp {

/// Which keys a query may see.
struct AttentionMask {
  std::optional<at::Tensor> added;  ///< broadcasts to [B, H, T, S]: 0 where visible, -inf where
                                    ///< not; nothing = all visible
  bool causal = false;              ///< query t sees keys 0..t only; not together with `added`
};

/// [B, T, D] -> [B, H, T, d] without a copy.
[[nodiscard]] inline at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

/// [B, H, T, d] -> [B, T, D]; without a copy for what `at::scaled_dot_product_attention` returns.
[[nodiscard]] inline at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).flatten(2);
}

namespace detail {

/// Fewer keys than these don't fill a register of 512 bits.
inline constexpr std::int64_t kKeysARegister = 16;

/// LibTorch's fused kernel on a CPU takes a query whose scores are all NaN for one that sees no
/// key, and gives zeros, where the keys don't fill a register. Such a query gets NaN again.
/// @param q  [B, H, T, d]
/// @param k  [B, H, S, d]
/// @param y  [B, H, T, d], what the kernel made of them
[[nodiscard]] inline at::Tensor with_nan_kept(const at::Tensor& q, const at::Tensor& k,
                                              const at::Tensor& y) {
  if (!y.is_cpu() || k.size(2) >= kKeysARegister || at::GradMode::is_enabled()) return y;
  const at::Tensor zero = y.narrow(3, 0, 1) == 0;  // hardly ever, so the rest is hardly ever asked
  if (!zero.any().item<bool>()) return y;
  const at::Tensor finite =
      q.isfinite()
          .all(3, /*keepdim=*/true)
          .logical_and(k.isfinite().all(3, /*keepdim=*/true).all(2, /*keepdim=*/true));
  return y.masked_fill(zero.logical_and(finite.logical_not()),
                       std::numeric_limits<double>::quiet_NaN());
}

}  // namespace detail

/// softmax(q k^T / sqrt(d)) v by a fused kernel, which never stores the probabilities.
/// @param q        [B, H, T, d]
/// @param k        [B, H, S, d]
/// @param v        [B, H, S, d]
/// @param mask     which keys a query sees
/// @param dropout  share of the probabilities set to 0; a CPU then leaves the fused kernel
/// @return         [B, T, D]
[[nodiscard]] inline at::Tensor attend(const at::Tensor& q, const at::Tensor& k,
                                       const at::Tensor& v, const AttentionMask& mask = {},
                                       double dropout = 0) {
  return merge_heads(detail::with_nan_kept(
      q, k, at::scaled_dot_product_attention(q, k, v, mask.added, dropout, mask.causal)));
}

/// A mask for texts padded on the right: query t sees the tokens among keys 0..t, and always key 0,
/// so that no row is empty. Rows of padding are computed like all others.
/// @param token_mask  [B, T] bool, true = token
/// @param dtype       of the scores
/// @return            [B, 1, T, T] of `dtype`, to be added to the scores
[[nodiscard]] inline AttentionMask causal_padding_mask(const at::Tensor& token_mask,
                                                       at::ScalarType dtype) {
  const std::int64_t length = token_mask.size(1);
  at::Tensor visible = token_mask.clone();
  visible.select(1, 0).fill_(true);
  visible = visible.view({-1, 1, 1, length})
                .logical_and(at::ones({length, length}, token_mask.options()).tril());
  const double hidden = -std::numeric_limits<double>::infinity();
  return {at::zeros(visible.sizes(), token_mask.options().dtype(dtype))
              .masked_fill_(visible.logical_not(), hidden),
          false};
}

/// A mask for padded texts whose tokens all see one another. Rows of padding are computed like all
/// others; a text of padding alone sees its position 0, so that no row is empty.
/// @param token_mask  [B, T] bool, true = token
/// @param dtype       of the scores
/// @return            [B, 1, 1, T] of `dtype`, to be added to the scores
[[nodiscard]] inline AttentionMask padding_mask(const at::Tensor& token_mask,
                                                at::ScalarType dtype) {
  at::Tensor hidden = token_mask.logical_not();
  hidden.select(1, 0).logical_and_(token_mask.any(1));
  hidden = hidden.view({-1, 1, 1, token_mask.size(1)});
  return {at::zeros(hidden.sizes(), token_mask.options().dtype(dtype))
              .masked_fill_(hidden, -std::numeric_limits<double>::infinity()),
          false};
}

/// A mask for `queries` new positions behind `past` older ones, which all see those.
[[nodiscard]] inline AttentionMask continuation_mask(std::int64_t queries, std::int64_t past,
                                                     const at::TensorOptions& options) {
  if (queries == 1) return {};
  if (past == 0) return {std::nullopt, true};
  const double hidden = -std::numeric_limits<double>::infinity();
  return {at::full({queries, past + queries}, hidden, options).triu(past + 1), false};
}

/// The probabilities softmax(q k^T / sqrt(d)) themselves, exactly 0 where masked.
/// @return  [B, H, T, S]
[[nodiscard]] inline at::Tensor attention_probabilities(const at::Tensor& q, const at::Tensor& k,
                                                        const AttentionMask& mask = {}) {
  at::Tensor scores =
      at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
  if (mask.added) scores = scores + *mask.added;
  if (mask.causal) {
    const at::Tensor visible =
        at::ones({scores.size(-2), scores.size(-1)}, scores.options().dtype(at::kBool)).tril();
    scores = scores.masked_fill(visible.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return at::softmax(scores, -1);
}

}  // namespace vlp
