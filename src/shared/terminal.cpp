#include "src/shared/terminal.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace vlp {

namespace {

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

/// `loss 1.234 · 265 samples/s · 3:12 left`
std::string figures(const Progress& now, std::string_view separator) {
  std::string text;
  const auto add = [&](const std::string& part) {
    text += (text.empty() ? "" : std::string(separator)) + part;
  };
  if (now.loss >= 0) add(fmt::format("loss {:.4f}", now.loss));
  if (now.per_second > 0)
    add(fmt::format("{:.{}f} {}/s", now.per_second, now.per_second < 10 ? 1 : 0, now.unit));
  if (now.seconds_left >= 0) add(duration_text(now.seconds_left) + " left");
  return text;
}

}  // namespace

Terminal::Terminal() : interactive_(isatty(STDERR_FILENO) != 0) {
  winsize size{};
  if (interactive_ && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    columns_ = size.ws_col;
}

Terminal::~Terminal() { erase_bar(); }

Console Terminal::console() {
  Console console;
  console.on_note = [this](std::string_view text) { line(text); };
  console.on_warning = [this](std::string_view text) { line("warning: " + std::string(text)); };
  console.on_progress = [this](const Progress& now) { progress(now); };
  return console;
}

void Terminal::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  erase_bar();
  fmt::print(stderr, "{}\n", text);
}

void Terminal::erase_bar() {
  if (bar_shown_) fmt::print(stderr, "\r\033[K");
  bar_shown_ = false;
}

std::string Terminal::bar(const Progress& now) const {
  const double share =
      now.total > 0 ? std::min(1.0, static_cast<double>(now.done) / static_cast<double>(now.total))
                    : 0;
  const std::string left = fmt::format("{} ", now.task);
  const std::string right = fmt::format(" {:3.0f}%  {}", share * 100, figures(now, "  "));
  const int width = std::clamp(columns_ - static_cast<int>(left.size() + right.size()) - 1, 0, 40);
  const int full = static_cast<int>(share * width + 0.5);
  std::string cells;
  for (int i = 0; i < width; ++i) cells += i < full ? "━" : "╌";
  std::string text = left + cells + right;
  return width == 0 && static_cast<int>(text.size()) >= columns_
             ? text.substr(0, static_cast<std::size_t>(columns_ - 1))
             : text;
}

void Terminal::progress(const Progress& now) {
  const std::lock_guard lock(mutex_);
  const auto time = std::chrono::steady_clock::now();
  const bool new_task = task_ != now.task;
  const bool finished = now.total > 0 && now.done >= now.total;
  const auto pause =
      interactive_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
  if (!new_task && !finished && time - last_ < pause) return;
  task_ = now.task;
  last_ = time;
  if (interactive_) {
    fmt::print(stderr, "\r\033[K{}", bar(now));
    std::fflush(stderr);
    bar_shown_ = true;
  } else {
    fmt::print(stderr, "{}: {}/{}, {}\n", now.task, now.done, now.total, figures(now, ", "));
  }
}

}  // namespace vlp
