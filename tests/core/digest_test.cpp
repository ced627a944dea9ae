#include "vlp/core/digest.hpp"

#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(digest)

BOOST_AUTO_TEST_CASE(the_hash_of_a_file_is_that_of_fips_180_4) {
  const ScratchFolder scratch;
  std::ofstream(scratch.path / "abc") << "abc";
  std::ofstream(scratch.path / "empty");
  std::ofstream(scratch.path / "long") << std::string(1'000'000, 'a');
  // FIPS 180-4's examples
  BOOST_TEST(vlp::sha256_of_file(scratch.path / "abc").value() ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(vlp::sha256_of_file(scratch.path / "empty").value() ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(vlp::sha256_of_file(scratch.path / "long").value() ==
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  BOOST_TEST(!vlp::sha256_of_file(scratch.path / "none"));
}

BOOST_AUTO_TEST_SUITE_END()
