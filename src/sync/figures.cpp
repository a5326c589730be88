// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <algorithm>
#include <string>

#include "adapter/base/object_id.hpp"

namespace adapter::sync {
namespace {

constexpr std::size_t figure_size = 6;

bool is_figure(std::string_view word) noexcept {
  return word.size() >= figure_size && word.size() != ObjectId::hex_size &&
         std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_of_a_word(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// `text` with "#" for each figure.
std::string without_figures(std::string_view text) {
  std::string steady;
  while (!text.empty()) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_of_a_word);
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    steady += is_figure(word) ? std::string_view("#") : word;
    text.remove_prefix(word.size());
    if (!text.empty()) {
      steady += text.front();
      text.remove_prefix(1);
    }
  }
  return steady;
}

}  // namespace

bool differ_in_figures_only(std::string_view one, std::string_view other) {
  return without_figures(one) == without_figures(other);
}

}  // namespace adapter::sync
