// Captions one image: `caption_image MODEL IMAGE`, where MODEL is what `vlp caption --model` takes.
// A model is opened by the names in its recipe, so a registry must hold the components.

#include <cstdio>

#include <ATen/ATen.h>

#include "vlp/assemble/open_model.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/image/decode.hpp"
#include "vlp/registry/builtin.hpp"

namespace {

void print_caption(const char* model, const char* image) {
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  vlp::OpenedModel opened = vlp::open_model(model, registry, {.needs = vlp::parts::captions});

  const at::NoGradGuard no_grad;
  vlp::RandomStream random(1);  // for transforms that draw; those of evaluation don't
  const at::Tensor pixels = opened.transforms(vlp::decode_image(image, opened.reading), random)
                                .unsqueeze(0);  // [1, 3, H, W]
  const vlp::ModelParts& parts = opened.model.parts();
  const auto captions = parts.get<vlp::Generate>()(
      parts.call<vlp::ImageStates>(pixels), vlp::prompt_ids(*opened.tokenizer, opened.prompt),
      opened.generate, {});
  std::printf("%s\n", opened.tokenizer->decode(captions.at(0).at(0).ids).c_str());
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::printf("usage: %s MODEL IMAGE\n", words[0]);
    return count == 1 ? 0 : 2;
  }
  try {
    print_caption(words[1], words[2]);
    return 0;
  } catch (const vlp::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
