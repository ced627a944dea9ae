// BLIP with encoders whose summaries aren't the first of their states.

#include "plugins/model/blip.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/text_encoder/bert.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/summary_encoders.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/registry.hpp"

BOOST_AUTO_TEST_SUITE(blip_encoders)

namespace {

using vlp_test::LastTokenEncoder;
using vlp_test::MeanEncoder;
using vlp_test::PixelEncoder;
using vlp_test::says;

constexpr double kRounding = 1e-6;  // float32, sums of a few numbers
constexpr std::int64_t kEmbedding = 4;

/// Forgets that a summary is one vector an image.
class MistakenEncoderImpl : public vlp_test::PixelEncoderImpl {
 public:
  static constexpr std::string_view name = "mistaken";
  at::Tensor summary(const at::Tensor& states) { return states.mean(2); }
};
TORCH_MODULE(MistakenEncoder);

/// Forgets a word.
class ShortTextEncoderImpl : public vlp_test::LastTokenEncoderImpl {
 public:
  static constexpr std::string_view name = "short";
  using LastTokenEncoderImpl::LastTokenEncoderImpl;
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor&) {
    return words(ids.slice(1, 1));
  }
};
TORCH_MODULE(ShortTextEncoder);

template <class Image, class Text>
vlp::Blip blip_of(vlp::Parts needs = vlp::Parts()) {
  vlp::BlipImpl::Options options;
  options.encoder = vlp::Use<vlp::AnyEncoder>::of<Image>();
  options.text_encoder = vlp::Use<vlp::AnyTextEncoder>::of<Text>();
  options.embedding_width = kEmbedding;
  at::manual_seed(31);
  vlp::Blip model(options, vlp_test::med_context(needs));
  model->copy_to_momentum_encoders();
  return model;
}

/// What a recipe is told; empty if it is good.
std::string problems_of(const std::string& toml) {
  vlp::Registry registry;
  registry.add<vlp::AnyModel, vlp::Blip>("1", "a test");
  registry.add<vlp::AnyEncoder, PixelEncoder>("1", "a test");
  registry.add<vlp::AnyEncoder, MeanEncoder>("1", "a test");
  registry.add<vlp::AnyTextEncoder, vlp::BertTextEncoder>("1", "a test");
  registry.add<vlp::AnyDecoder, vlp::BertCrossAttention>("1", "a test");
  return vlp_test::message_of<vlp::RecipeError>([&] {
    vlp::Diagnostics problems;
    vlp::ReadContext ctx{problems, &registry};
    vlp::Use<vlp::AnyModel> use;
    vlp::OptionType<vlp::Use<vlp::AnyModel>>::read(vlp::parse_toml(toml, "r.toml"), "model", use,
                                                   {}, ctx);
    problems.throw_if_any();
  });
}

using Row = std::vector<double>;

Row row_of(const at::Tensor& vector) {
  Row row;
  for (std::int64_t i = 0; i < vector.size(0); ++i) row.push_back(vector[i].item<double>());
  return row;
}

/// The unit vector of a linear layer's values, number by number.
Row projected(const Row& x, const at::Tensor& weight, const at::Tensor& bias) {
  Row y = row_of(bias);
  double square = 0;
  for (std::size_t e = 0; e < y.size(); ++e) {
    const Row factors = row_of(weight[static_cast<std::int64_t>(e)]);
    for (std::size_t d = 0; d < x.size(); ++d) y[e] += factors[d] * x[d];
    square += y[e] * y[e];
  }
  for (double& value : y) value /= std::sqrt(square);
  return y;
}

void check_row(const at::Tensor& found, const Row& expected) {
  const Row row = row_of(found);
  BOOST_TEST_REQUIRE(row.size() == expected.size());
  for (std::size_t i = 0; i < row.size(); ++i)
    BOOST_TEST(std::abs(row[i] - expected[i]) < kRounding);
}

/// The mean of an image's states, number by number.
Row mean_of(const at::Tensor& states) {
  Row mean(static_cast<std::size_t>(states.size(1)));
  for (std::int64_t n = 0; n < states.size(0); ++n) {
    const Row row = row_of(states[n]);
    for (std::size_t d = 0; d < row.size(); ++d)
      mean[d] += row[d] / static_cast<double>(states.size(0));
  }
  return mean;
}

at::Tensor pixels() {
  at::manual_seed(32);
  return at::randn({3, 3, 4, 4});
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_encoder_without_a_summary_is_refused_where_texts_are_compared) {
  const std::string text = "[text_encoder]\nuse = 'bert'\nwidth = 8\nheads = 2\ndepth = 1\n";
  const std::string decoder =
      "[decoder]\nuse = 'bert_cross_attention'\nwidth = 8\nheads = 2\ndepth = 1\n";
  const std::string pixels = "use = 'blip'\n[encoder]\nuse = 'pixels'\n",
                    mean = "use = 'blip'\n[encoder]\nuse = 'mean'\n";
  BOOST_TEST(vlp_test::contains(
      problems_of(pixels + text),
      "model: encoder 'pixels' has no vector for a whole image, of which embeddings could be made; "
      "give it `summary(states)`, or leave [model.text_encoder] out"));
  BOOST_TEST(vlp_test::contains(problems_of(pixels + text + decoder), "encoder 'pixels' has no"));
  BOOST_TEST(problems_of(pixels + decoder) == "");
  BOOST_TEST(problems_of(mean + text) == "");
}

BOOST_AUTO_TEST_CASE(the_same_is_refused_without_a_recipe) {
  BOOST_CHECK_EXCEPTION((void)(blip_of<PixelEncoder, LastTokenEncoder>()), vlp::RecipeError,
                        says("model 'blip': encoder 'pixels' has no vector for a whole image"));
}

BOOST_AUTO_TEST_CASE(an_images_embedding_is_made_of_the_mean_of_its_states) {
  vlp::Blip model = blip_of<MeanEncoder, LastTokenEncoder>();
  const at::NoGradGuard no_grad;
  const auto parameters = model->named_parameters();
  const at::Tensor states = model->image_states(pixels()), found = model->image_embeddings(states);
  BOOST_TEST((found.sizes() == at::IntArrayRef{3, kEmbedding}));
  for (std::int64_t b = 0; b < 3; ++b)
    check_row(found[b], projected(mean_of(states[b]), parameters["vision_proj.weight"],
                                  parameters["vision_proj.bias"]));
}

BOOST_AUTO_TEST_CASE(a_texts_embedding_is_made_of_the_state_of_its_last_token) {
  vlp::Blip model = blip_of<MeanEncoder, LastTokenEncoder>();
  const at::NoGradGuard no_grad;
  const auto parameters = model->named_parameters();
  const vlp_test::MedTexts texts;
  const at::Tensor found =
      model->text_embeddings(model->text_states(texts.ids, texts.mask), texts.mask);
  const at::Tensor words = parameters["text_encoder.words.weight"];
  for (std::int64_t b = 0; b < 3; ++b) {
    Row sum(7);  // of the words up to the last one
    for (std::int64_t t = 0; t < texts.ids.size(1) && texts.mask[b][t].item<bool>(); ++t) {
      const Row word = row_of(words[texts.ids[b][t].item<std::int64_t>()]);
      for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += word[d];
    }
    check_row(found[b],
              projected(sum, parameters["text_proj.weight"], parameters["text_proj.bias"]));
  }
}

BOOST_AUTO_TEST_CASE(momentum_embeddings_are_made_of_the_same_summaries) {
  vlp::Blip model = blip_of<MeanEncoder, LastTokenEncoder>(vlp::parts::momentum_embeddings);
  const at::NoGradGuard no_grad;
  const vlp_test::MedTexts texts;
  BOOST_TEST(model->has_momentum());
  BOOST_TEST((model->momentum_image_embeddings(pixels()) -
              model->image_embeddings(model->image_states(pixels())))
                 .abs()
                 .max()
                 .item<double>() < kRounding);
  BOOST_TEST((model->momentum_text_embeddings(texts.ids, texts.mask) -
              model->text_embeddings(model->text_states(texts.ids, texts.mask), texts.mask))
                 .abs()
                 .max()
                 .item<double>() < kRounding);
}

BOOST_AUTO_TEST_CASE(texts_that_see_no_image_leave_matching_out) {
  const vlp::AnyModel model(blip_of<MeanEncoder, LastTokenEncoder>());
  BOOST_TEST((model.serves() == vlp::parts::similarities));
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_refused_with_the_encoders_name) {
  vlp::Blip images = blip_of<MistakenEncoder, LastTokenEncoder>();
  BOOST_CHECK_EXCEPTION((void)images->image_embeddings(images->image_states(pixels())),
                        vlp::ShapeError,
                        says("encoder 'mistaken': summary(states) of another shape (got [3, 16], "
                             "expected [3, 5]: images, width())"));
  vlp::Blip words = blip_of<MeanEncoder, ShortTextEncoder>();
  const vlp_test::MedTexts texts;
  BOOST_CHECK_EXCEPTION((void)words->text_states(texts.ids, texts.mask), vlp::ShapeError,
                        says("text_encoder 'short': text states of another shape (got [3, 4, 7], "
                             "expected [3, 5, 7]"));
}

BOOST_AUTO_TEST_SUITE_END()
