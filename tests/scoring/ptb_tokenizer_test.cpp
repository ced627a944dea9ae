#include "vlp/scoring/ptb_tokenizer.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(ptb_tokenizer)

using vlp::PtbTokenizer;

// Every expected line here was printed by Stanford's PTBTokenizer 3.4.1 (-preserveLines
// -lowerCase), blanks inside tokens shown as ~.

namespace {

using Cases = std::vector<std::pair<std::string_view, std::string_view>>;  // caption, tokens

std::string printable(std::string_view tokens) {
  std::string text(tokens);
  for (std::size_t place = 0; (place = text.find("\u00A0", place)) != std::string::npos;)
    text.replace(place, 2, "~");
  return text;
}

std::vector<std::string> stream(const std::vector<std::string_view>& captions,
                                bool keep_punctuation = true) {
  PtbTokenizer tokenizer;
  std::vector<std::string> lines(captions.size());
  for (std::size_t i = 0; i < captions.size(); ++i)
    tokenizer.tokenize(captions, i, false, keep_punctuation, lines[i]);
  return lines;
}

// Between two other captions, so that the end of the text plays no part.
std::string tokens_of(std::string_view caption, bool keep_punctuation = true) {
  return printable(stream({"x", caption, "x"}, keep_punctuation)[1]);
}

std::string alone(std::string_view caption) {
  std::string line;
  PtbTokenizer().tokenize(std::span(&caption, 1), 0, true, true, line);
  return printable(line);
}

void check(const Cases& cases) {
  for (const auto& [caption, tokens] : cases)
    BOOST_TEST(tokens_of(caption) == tokens, "of `" << caption << "`: " << tokens_of(caption));
}

}  // namespace

BOOST_AUTO_TEST_CASE(clitics_are_cut_off) {
  check({{"a man's dog; the dogs' owner; James's", "a man 's dog ; the dogs ' owner ; james 's"},
         {"they're we've she'd I'm; I'd've", "they 're we 've she 'd i 'm ; i 'd 've"},
         {"don't can't won't don’t don`t dont'", "do n't ca n't wo n't do n't do n`t dont '"},
         {"it&apos;s can&apos;t", "it 's ca n't"}});
}

BOOST_AUTO_TEST_CASE(words_that_are_two_are_cut_unless_a_longer_token_holds_them) {
  check({{"cannot gonna gotta lemme gimme wanna", "can not gon na got ta lem me gim me wan na"},
         {"'twas 'tis 'tisand ’tis", "'t was 't is 't isand ' tis"},
         {"cannot's wanna-be cannotx", "cannot 's wanna-be cannotx"},
         {"gımme", "gım me"}});
}

BOOST_AUTO_TEST_CASE(words_with_an_apostrophe_stay_whole) {
  check({{"y'all o'clock 'em 'til c'mon ma’am", "y' all o'clock 'em 'til c'mon ma’am"},
         {"rock 'n' roll the '90s 90's the '99 season",
          "rock 'n' roll the '90s 90 's the '99 season"},
         {"O'Brien d'Angelo l'eau Hawai'i", "o'brien d'angelo l'eau hawai'i"},
         {"qur'an li’l d'e d'in", "qur ` an li ' l d' e d'in"}});
}

BOOST_AUTO_TEST_CASE(quotes_are_written_as_in_latex) {
  check({{"'quoted' word 'a quoted phrase'", "` quoted ' word ' a quoted phrase '"},
         {"says \"hello,\" he; sign \"#1\"", "says `` hello , '' he ; sign '' # 1 ''"},
         {"“a” ‘b’ «c» ‹d› „e‟", "`` a '' ` b ' `` c '' ` d ' „ e ‟"},
         {"“‘ ’’ ''' “““ &quot;a&quot; &Quot;", "``` '' '' ' ```` `` `` a '' &quot;"},
         {"5'10\" tall", "5 ' 10 '' tall"}});
}

BOOST_AUTO_TEST_CASE(hyphens_join_and_dashes_separate) {
  check({{"half-pipe a - b -man man- --- -----", "half-pipe a - b - man man - -- -----"},
         {"a–b — c &mdash;", "a -- b -- c --"},
         {"red,white-and-blue shirt,t-shirt a t-shirt,blue-jeans",
          "red,white-and-blue shirt,t-shirt a t-shirt , blue-jeans"},
         {"a_b 20-year-old jack-o'-lantern t-d. x-a.b.",
          "a_b 20-year-old jack-o ' - lantern t-d . x-a.b."},
         {"é-b., 4., A&B.: a‐b a‐", "é-b. , 4. , a&b. : a‐b a"}});
}

BOOST_AUTO_TEST_CASE(numbers_dates_and_telephones_stay_whole) {
  check({{".5 10:30 1,000 1:2:3 one,2 2+2 5- +5 10:30am 8pm",
          ".5 10:30 1,000 1:2:3 one ,2 2 +2 5 - +5 10:30 am 8pm"},
         {"1/2 1 1/2 5-1/2 ½ 1½ 10⁵ H₂O", "1/2 1~1/2 5-1/2 1/2 1 1/2 10 ⁵ h ₂ o"},
         {"1/2/2010 12-31-99", "1/2/2010 12-31-99"},
         {"(555) 123-4567 or 100 200 300, 555 1234",
          "-lrb-555-rrb-~123-4567 or 100~200~300 , 555 1234"},
         {"1 800 555 1234", "1 800~555~1234"},
         {"$3.50 US$5 £5 €10 5¢ 5% 90°", "$ 3.50 us$ 5 # 5 $ 10 5 cents 5 % 90 °"}});
}

BOOST_AUTO_TEST_CASE(abbreviations_keep_their_period) {
  check({{"St. Louis Main St.", "st. louis main st."},
         {"Mr. Smith etc.", "mr. smith etc."},
         {"lbs., hats. Miss. miss.", "lbs. , hats . miss. miss ."},
         {"Inc. The dog", "inc. . the dog"},
         {"no. 5 no. five No.", "no. 5 no . five no ."},
         {"the U.S. The man, u.s. The", "the u.s. . the man , u.s. . the"},
         {"I. The vitamin C.", "i . the vitamin c."},
         {"etc.a etc.ab mfg. MFG.", "etc. a etc.ab mfg. mfg ."},
         {"Ltd. Ⓛ Ltd. Ⅳ Ltd. ⓛ", "ltd. . ⓛ ltd. . ltd. ⓛ"}});
}

BOOST_AUTO_TEST_CASE(a_period_without_a_blank_glues_words) {
  check({{"end.The what?no stop!go", "end.the what?no stop!go"},
         {"photo.jpg IMG_1234.jpg file.txt.", "photo.jpg img_1234 . jpg file.txt ."},
         {"Hello.. Hello.... Hello......", "hello . . hello ... hello ... ."},
         {". . . . . .", "... ."}});
}

BOOST_AUTO_TEST_CASE(addresses_and_names_stay_whole) {
  check(
      {{"http://example.com/a?b=c. www.example.com", "http://example.com/a?b=c . www.example.com"},
       {"flickr.com/photos nasa.gov/pix my-site.com/pix",
        "flickr.com/photos nasa.gov / pix my-site . com/pix"},
       {"me@home.org, ok <a@b.c>", "me@home.org, ok <a@b.c>"},
       {"@handle #hashtag2 #1", "@handle #hashtag 2 # 1"},
       {"a \u00A0ab.com", "a ab.com"}});
}

BOOST_AUTO_TEST_CASE(markup_is_one_token) {
  check(
      {{"<b>bold</b> <a man> <3", "<b> bold </b> <a~man> < 3"},
       {"<a href=\"x y\" b = 'c'/> <!-- x --> <?ln>", "<a~href=\"x~y\"~b~=~'c'/> <!--~x~--> <?ln>"},
       {"&amp; &lt; &HT; caf&eacute; &#39;", "& < &ht; caf&eacute; &#39;"}});
}

BOOST_AUTO_TEST_CASE(signs_and_smileys) {
  check({{"wow!!! really?! a / b * c", "wow !!! really ?! a / b * c"},
         {":) :-( ;P 8) ^_^ (><) :))", ":-rrb- :--lrb- ;p 8 -rrb- ^_^ -lrb-><-rrb- :-rrb- -rrb-"},
         {"(a) [b] {c} AT&T b&w and/or w/ c++ C#",
          "-lrb- a -rrb- -lsb- b -rsb- -lcb- c -rcb- at&t b & w and/or w / c++ c#"},
         {"∞ ★ × \u00B9\u00B2 ₁", "∞ ★ × ¹² ₁"}});
}

BOOST_AUTO_TEST_CASE(characters_without_a_rule_are_deleted_and_separate) {
  check({{"a😀b ❤️ love", "a b ❤ love"},
         {"a\u200Bb a\u202Fb 5₹", "a b a b 5"},
         {"a\u00ADb \u00AD http://a\u00ADb 1\u00AD2", "ab - http://a\u00ADb 12"},
         {"CAFÉ ΟΔΟΣ İ 日本語の", "café οδος i̇ 日本語の"}});
  BOOST_TEST(tokens_of("a\xFF"
                       "b") == "a b");
}

BOOST_AUTO_TEST_CASE(look_ahead_reaches_the_next_caption) {
  using Lines = std::vector<std::string>;
  BOOST_TEST(stream({"vitamin C.", "A dog"}) == (Lines{"vitamin c .", "a dog"}),
             boost::test_tools::per_element());
  BOOST_TEST(stream({"vitamin C.", "a dog"}) == (Lines{"vitamin c.", "a dog"}),
             boost::test_tools::per_element());
  BOOST_TEST(stream({"vitamin C.", "", "", "A dog"}) == (Lines{"vitamin c .", "", "", "a dog"}),
             boost::test_tools::per_element());
  BOOST_TEST(stream({"see fig.", "5"}) == (Lines{"see fig.", "5"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_end_of_the_text_is_special) {
  BOOST_TEST(alone("they've") == "they ` ve");
  BOOST_TEST(tokens_of("they've") == "they 've");
  BOOST_TEST(alone("etc.") == "etc. .");
  BOOST_TEST(alone("etc.)") == "etc. . -rrb-");
  BOOST_TEST(alone(":)") == ": -rrb-");
  BOOST_TEST(alone("") == "");
}

BOOST_AUTO_TEST_CASE(an_isolated_caption_does_not_see_the_next) {
  const std::vector<std::string_view> captions{"vitamin C.", "A dog"};
  std::string line;
  PtbTokenizer().tokenize(captions, 0, true, true, line);
  BOOST_TEST(line == "vitamin c.");
}

BOOST_AUTO_TEST_CASE(line_ends_inside_a_caption_never_shift_the_next) {
  const auto lines = stream({"a\rb\u2028c\vd\f", "e\nf", "<a b='", "' c>", "g"});
  BOOST_TEST(lines[0] == "a b c d");
  BOOST_TEST(lines[1] == "e f");
  BOOST_TEST(lines[2] == "< a b = '");
  BOOST_TEST(lines[3] == "' c >");
  BOOST_TEST(lines[4] == "g");
}

BOOST_AUTO_TEST_CASE(punctuation_is_left_out_on_demand) {
  BOOST_TEST(tokens_of("\"Hi,\" he said - (a dog; 'x') !! ... -----", false) ==
             "hi he said -lrb- a dog x -rrb- !! -----");
  BOOST_TEST(tokens_of(". , ; : ? ! - -- ` ''", false) == "");
}

BOOST_AUTO_TEST_CASE(blanks_at_the_end_of_the_last_token_go_with_the_punctuation) {
  BOOST_TEST(tokens_of("http://a.b/\u2003") == "http://a.b/\u2003");
  BOOST_TEST(tokens_of("http://a.b/\u2003", false) == "http://a.b/");
  BOOST_TEST(tokens_of("http://a.b/\u2003 .", false) == "http://a.b/\u2003");
}

BOOST_AUTO_TEST_CASE(a_tokenizer_remembers_nothing) {
  const std::vector<std::string_view> captions{"<!<!<! é", "a dog", "é A.", "A dog <!"};
  PtbTokenizer used;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = captions.size(); i-- > 0;) {
      std::string line;
      std::string fresh;
      used.tokenize(captions, i, false, true, line);
      PtbTokenizer().tokenize(captions, i, false, true, fresh);
      BOOST_TEST(line == fresh);
    }
  }
}

BOOST_AUTO_TEST_CASE(megabytes_of_nearly_tokens_are_no_trouble) {
  // In quadratic time this test would not end.
  for (const std::string_view unit : {"<!<", "$a", "a.", "<a b='", "A.  ", "\u00E9\u2019"}) {
    std::string caption;
    while (caption.size() < 1'000'000) caption += unit;
    BOOST_TEST(!tokens_of(caption).empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
