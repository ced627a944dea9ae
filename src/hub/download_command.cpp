// libvlp_hub.so, the part of vlp that needs libcurl: carries out `vlp download`.

#include <string>

#include <fmt/format.h>

#include "src/shared/command.hpp"
#include "src/shared/terminal.hpp"
#include "vlp/hub/download.hpp"

namespace {

int carry_out(const vlp::DownloadCommand& command, vlp::Terminal& terminal) {
  const vlp::HubName model = vlp::parse_hub_name(command.name, command.revision);
  const vlp::HubSettings settings = vlp::hub_settings();
  const vlp::DownloadedModel got = vlp::download_model(settings, model, terminal.console());
  terminal.line(fmt::format(
      "{}: whole at commit {}, {}", model.text(), got.commit,
      got.fetched == 0 ? "nothing to fetch" : vlp::size_text(got.fetched) + " fetched"));
  fmt::print("{}\n", got.folder.string());
  return 0;
}

}  // namespace

int vlp_hub_command(const vlp::DownloadCommand& command) {
  vlp::Terminal terminal;
  return vlp::exit_code_of(terminal, [&] { return carry_out(command, terminal); });
}
