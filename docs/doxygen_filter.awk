# What the sources say in their own way, said to Doxygen in its way; lines keep their numbers.
#   - the comment under `#pragma once` describes the file
#   - the text in field<&Options::x>("...") describes the member x
#   - links of .md files to headers become links to their pages
#   - members that every component or erased value has are described here, once

function quoted(text) {  # the first string literal's content
  match(text, /"([^"\\]|\\.)*"/)
  text = substr(text, RSTART + 1, RLENGTH - 2)
  gsub(/\\"/, "\"", text)
  return text
}
# `Linear a, b{nullptr};` as two declarations, each with the comment behind them.
function separated(text,   declaration, type, count, names, k, out) {
  declaration = line[i]
  sub(/;.*/, "", declaration)
  sub(/^ +/, "", declaration)
  type = declaration
  sub(/ .*/, "", type)
  sub(/^[^ ]+ /, "", declaration)
  count = split(declaration, names, /, /)
  for (k = 1; k <= count; ++k) out = out " /** " text " */ " type " " names[k] ";"
  line[i] = out
}
function described(text) { sub(/[^ ]/, "/** " text " */ &", line[i]) }

FILENAME ~ /\.md$/ {
  gsub(/\]\((include|plugins|docs)\/[a-z_\/]*\/[a-z_]+\.hpp\)/, "](@ref &")
  gsub(/@ref \]\([a-z_\/]*\//, "@ref ")
  gsub(/\]\(recipes\/[a-z0-9_-]+\.toml\)/, "]")
  print
  next
}

{ line[NR] = $0 }

END {
  if (FILENAME ~ /\.md$/) exit
  for (i = 1; i <= NR; ++i)
    if (match(line[i], /field<&[A-Za-z:]+::[a-z_0-9]+>\(/)) {
      member = substr(line[i], RSTART, RLENGTH - 2)
      sub(/.*::/, "", member)
      rest = substr(line[i], RSTART + RLENGTH)
      if (rest !~ /"/) rest = line[i + 1]
      meaning[member] = quoted(rest)
    }

  header = 0
  for (i = 1; i <= NR; ++i) {
    documented = i > 1 && line[i - 1] ~ /^ *\/\/\//
    if (line[i] == "#pragma once") {
      line[i] = "/// @file"
      header = 1
    } else if (header && line[i] ~ /^\/\/( |$)/) {
      sub(/^\/\//, "///", line[i])
    } else {
      header = 0
      if (line[i] ~ /^class Any[A-Za-z]+( |$)/) erased = 1
      if (line[i] ~ /^( private:|};)/) erased = 0
      if (line[i] ~ /^ +[A-Za-z:_0-9]+ [a-z_0-9]+([{]nullptr[}])?(, [a-z_0-9]+([{]nullptr[}])?)+;/) {
        text = line[i]
        separated(sub(/.*\/\/\/< */, "", text) ? text : "\\n")
      } else if (documented || line[i] ~ /\/\/\/</) {
      } else if (line[i] ~ /static constexpr (auto|std::tuple<>) fields\(\)/) {
        described("The options with their meanings and ranges.")
      } else if (line[i] ~ /static constexpr std::string_view name = /) {
        described("How recipes call it.")
      } else if (line[i] ~ /static constexpr std::string_view kind = /) {
        described("How recipes and messages call this kind.")
      } else if (line[i] ~ /static constexpr auto needs = /) {
        described("What it asks a forward pass for.")
      } else if (line[i] ~ /^ *struct Options \{/) {
        described("Its options in a recipe.")
      } else if (line[i] ~ /^ *explicit [A-Za-z]+\((const )?Options&? options\)|^ *[A-Z][A-Za-z0-9]+\((const )?Options&? options, const (Context|Machine|Folders|Facts)&/) {
        described("Builds it from its options.")
      } else if (line[i] ~ /^ *void save\(State& state\) const/) {
        described("Saves what it holds; `load` restores it.")
      } else if (line[i] ~ /^ *void load\(const State& state\)/) {
        described("Restores what `save` saved.")
      } else if (erased && line[i] ~ /^  template </) {
        described("Holds the component given.")
      } else if (line[i] ~ /^template <.*>$/ && line[i + 1] ~ /kind_of\(ComponentTag<T>\);/) {
        described("Tells the kind of `T`.")
      } else if (line[i] ~ /^  friend bool operator==.* = default;/) {
        described("Member by member.")
      } else if (line[i] ~ /^  static std::string expected\(\)/) {
        described("What a person is told to write.")
      } else if (line[i] ~ /^  static bool read\(const Value& value, /) {
        described("Reads one value; false if it is not as expected, which is then reported.")
      } else if (line[i] ~ /^  static std::optional<Value> write\(/) {
        described("The value as a recipe has it; none if it is left out there.")
      } else if (line[i] ~ /std::string problem\(\) const/) {
        described("What is wrong between options; empty if nothing.")
      } else if (line[i] ~ /^  explicit [A-Za-z]+Error\(const std::string& message\)/) {
        described("With the exit code of its class.")
      } else if (erased && line[i] ~ /^  [^ ].*\) (const )?\{/ && line[i] !~ /^  Any[A-Za-z]+\(/) {
        described("Forwards to the component held, whose concept says what it does.")
      } else if (match(line[i], /^ +[A-Za-z].* [a-z_0-9]+( = .*|\{.*\})?;/)) {
        member = line[i]
        sub(/( = .*|\{.*\})?;.*/, "", member)
        sub(/.* /, "", member)
        if (member in meaning) described(meaning[member])
        else if (line[i] !~ /\(/) described("\\n")  # plain data whose name says it all
      }
    }
    print line[i]
  }
}
