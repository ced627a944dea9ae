#include "vlp/core/image_id.hpp"

#include <sstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "vlp/core/image_id_json.hpp"
#include "vlp/core/packed.hpp"

BOOST_AUTO_TEST_SUITE(image_id)

using vlp::ImageId;
using vlp::Json;

BOOST_AUTO_TEST_CASE(ids_are_compared_by_how_they_are_written) {
  BOOST_TEST(ImageId("7") == ImageId::number("7"));
  BOOST_TEST(ImageId("07") != ImageId::number("7"));
  BOOST_TEST((ImageId("a.jpg") < ImageId("b.jpg")));
  BOOST_TEST(ImageId().empty());
  std::ostringstream text;
  text << ImageId::number("-12");
  BOOST_TEST(text.str() == "-12");
}

BOOST_AUTO_TEST_CASE(json_has_integers_as_integers_and_texts_as_texts) {
  const auto written = [](const ImageId& id) { return Json{{"image_id", id}}.dump(); };
  BOOST_TEST(written(ImageId::number("391895")) == R"({"image_id":391895})");
  BOOST_TEST(written(ImageId::number("-1")) == R"({"image_id":-1})");
  BOOST_TEST(written(ImageId::number("18446744073709551615")) ==
             R"({"image_id":18446744073709551615})");
  BOOST_TEST(written("391895") == R"({"image_id":"391895"})");
  BOOST_TEST(written("1.jpg") == R"({"image_id":"1.jpg"})");
  BOOST_TEST(written(ImageId::number("123456789012345678901234567890")) ==
                 R"({"image_id":"123456789012345678901234567890"})",
             "beyond 64 bits");
}

BOOST_AUTO_TEST_CASE(json_gives_them_back) {
  for (const ImageId& id : {ImageId::number("391895"), ImageId("391895"), ImageId("1.jpg")}) {
    const auto back = Json(id).get<ImageId>();
    BOOST_TEST(back == id);
    BOOST_TEST(back.is_number() == id.is_number());
  }
  BOOST_CHECK_THROW((void)Json(1.5).get<ImageId>(), Json::type_error);
  BOOST_CHECK_THROW((void)Json(nullptr).get<ImageId>(), Json::type_error);
}

BOOST_AUTO_TEST_CASE(they_travel_between_processes) {
  const auto [id] = vlp::unpack<ImageId>(vlp::pack(ImageId::number("7")));
  BOOST_TEST(id == "7");
  BOOST_TEST(id.is_number());
}

BOOST_AUTO_TEST_SUITE_END()
