#pragma once
// SHA-256 (FIPS 180-4), so that tests can compare pixels with stored digests.

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace vlp::test {

/// 64 lower-case hex digits.
inline std::string sha256(std::span<const std::uint8_t> data) {
  std::array<std::uint32_t, 64> k{};
  std::array<std::uint32_t, 8> h{};
  for (int n = 0, prime = 2; n < 64;
       ++prime) {  // fractions of the cube and square roots of the first primes
    bool composite = false;
    for (int d = 2; d * d <= prime; ++d) composite = composite || prime % d == 0;
    if (composite) continue;
    const auto fraction = [](long double root) {
      return static_cast<std::uint32_t>((root - std::floor(root)) * 0x1p32L);
    };
    if (n < 8) h[n] = fraction(std::sqrt(static_cast<long double>(prime)));
    k[n++] = fraction(std::cbrt(static_cast<long double>(prime)));
  }
  std::vector<std::uint8_t> text(data.begin(), data.end());
  text.push_back(0x80);
  while (text.size() % 64 != 56) text.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8)
    text.push_back(static_cast<std::uint8_t>(data.size() * 8 >> shift));
  for (std::size_t start = 0; start < text.size(); start += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 64; ++i)
      w[i / 4] |= std::uint32_t{text[start + i]} << (24 - 8 * (i % 4));
    for (std::size_t i = 16; i < 64; ++i) {
      const auto s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const auto s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto s = h;
    for (std::size_t i = 0; i < 64; ++i) {
      const auto s1 = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
      const auto t1 = s[7] + s1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      const auto s0 = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
      const auto t2 = s0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
    }
    for (std::size_t i = 0; i < 8; ++i) h[i] += s[i];
  }
  std::string hex;
  for (const auto word : h) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(word));
    hex += digits.data();
  }
  return hex;
}

}  // namespace vlp::test
