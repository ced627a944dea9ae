#pragma once
// Format: how a family of models lies in other people's files. A format recognises a folder or a
// file of weights, says the recipe of its model, gives its tensors the names that vlp's models
// have, and writes such a folder. Contract: immutable, without options, callable from any thread;
// outside of it a family is known by recipe tables alone, so that an import, a warm start and an
// export need nothing but the format's plugin. Includes no torch.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/model_layout.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// How near a format is to a model.
enum class Kinship {
  none,   ///< it knows nothing of it
  parts,  ///< parts of its models can begin with it, or look like it
  whole,  ///< it is a model of this family
};

/// A model that lies in a file of weights, with what lies beside it.
struct ForeignModel {
  WeightFile file;               ///< under its own names
  std::filesystem::path folder;  ///< that everything else lies in
  std::filesystem::path config;  ///< config.json; empty if there is none
  std::string not_finite = {};   ///< which tensors aren't finite, see `not_finite_tensors`; empty =
                                 ///< all are
};

/// What is suspicious about a file, said once a model takes something that it concerns.
struct Doubt {
  std::string part;     ///< of the model
  std::string warning;  ///< one sentence, without the file's name
};

/// A file's tensors under the names that vlp's models give them.
struct OwnWeights {
  std::string source;              ///< how messages call the file
  TensorMap tensors;               ///< by name
  PartCounts left_out = {};        ///< what no model of the family has a place for, e.g. poolers
  std::string what = {};           ///< what it is if it isn't a whole model, e.g. "a BERT"
  std::string rest = {};           ///< how reports call what isn't used; empty = part by part
  bool for_several_tasks = false;  ///< whether the file holds more than one model's parts, so that
                                   ///< it is no mistake if a model lacks some
  std::vector<Doubt> doubts = {};  ///< said when they matter
};

/// What a folder knows about its tokens without opening its vocabulary.
struct ModelTokens {
  std::int64_t vocabulary_size = 0;  ///< tokens
  std::int64_t decode = 0;           ///< position 0 of what is generated
  std::int64_t encode = 0;  ///< position 0 of texts that see an image, unless the tokenizer
                            ///< agrees about `decode`
  std::int64_t sep = 0;     ///< ends a text
  std::int64_t pad = 0;     ///< fills up rows
};

/// A foreign model as vlp opens it.
struct ImportedModel {
  Value recipe;        ///< tables [tokenizer], if a vocabulary is known, [[transform]], [model],
                       ///< [[loss]], [generate]
  ModelTokens tokens;  ///< of the model
  OwnWeights weights;  ///< all of it
};

/// How a foreign model is opened.
struct ImportArguments {
  Parts needs;                      ///< what for; of a file that can do more, a part is enough
  std::filesystem::path share_dir;  ///< holds vocabularies/
  Console console;                  ///< hears of what was assumed
};

/// A model of vlp's as formats see it that could write it.
struct ExportedModel {
  const Value& resolved;                     ///< its recipe, every default written out
  const Context& ctx;                        ///< knows special tokens and sizes; its console hears
                                             ///< what comes out otherwise
  std::vector<Value> image_transforms;       ///< tables of evaluation's, in their order
  std::vector<std::string> text_transforms;  ///< names of those that evaluation does to texts
  GenerateOptions generate;                  ///< how it writes captions
};

/// A file to be written: JSON, or its text.
struct FolderFile {
  std::string name;                         ///< in the model's folder
  std::variant<Json, std::string> content;  ///< whole
};

/// A format may also have
///   - tokenizer(folder) -> std::optional<Table>: the table [tokenizer] of a folder, told from the
///     files of its tokenizer alone, so that texts can be turned into ids without any weights;
///     nothing where there are none. Throws a WeightsError for those of a tokenizer that vlp lacks
template <class F>
concept Format =
    std::move_constructible<F> &&
    requires(const F& format, const ForeignModel& foreign, ForeignModel taken, WeightFile file,
             const Value& resolved, const ImportArguments& arguments, const Console& console,
             const ExportedModel& model, NamedTensors& tensors, Metadata& metadata) {
      { format.title() } -> std::convertible_to<std::string>;  // "Hugging Face's BLIP"

      // Reading.
      { format.kinship(foreign) } -> std::same_as<Kinship>;  // never throws for wrong files
      { format.translate(std::move(file), console) } -> std::same_as<OwnWeights>;
      // the recipe of the model that weights come from, as far as it is known; for comparisons
      { format.settings(foreign, console) } -> std::same_as<Value>;
      { format.import_model(std::move(taken), arguments) } -> std::same_as<ImportedModel>;

      // Models of recipes.
      { format.kinship(resolved) } -> std::same_as<Kinship>;
      { format.layout(resolved) } -> std::same_as<ModelLayout>;  // of one with kinship

      // Writing.
      {
        format.obstacle(model)
      } -> std::same_as<std::string>;  // what it has no words for; or empty
      { format.files(model) } -> std::same_as<std::vector<FolderFile>>;  // all but the weights
      format.pack(tensors, metadata);  // a model's own tensors become those of the file
    };

/// Any format as a value; copies refer to one.
class AnyFormat {
 public:
  static constexpr std::string_view kind = "format";

  template <class F>
    requires(!std::same_as<F, AnyFormat>) && Format<F>
  AnyFormat(F format)
      : self_(std::make_shared<const Holder<F>>(std::move(format))),
        shown_(shown_component<F>(kind)) {}

  [[nodiscard]] std::string title() const {
    return named(shown_, [&] { return self_->title(); });
  }
  [[nodiscard]] Kinship kinship(const ForeignModel& foreign) const {
    return named(shown_, [&] { return self_->kinship(foreign); });
  }
  [[nodiscard]] OwnWeights translate(WeightFile file, const Console& console) const {
    return named(shown_, [&] { return self_->translate(std::move(file), console); });
  }
  [[nodiscard]] Value settings(const ForeignModel& foreign, const Console& console) const {
    return named(shown_, [&] { return self_->settings(foreign, console); });
  }
  [[nodiscard]] ImportedModel import_model(ForeignModel foreign,
                                           const ImportArguments& arguments) const {
    return named(shown_, [&] { return self_->import_model(std::move(foreign), arguments); });
  }
  [[nodiscard]] Kinship kinship(const Value& resolved) const {
    return named(shown_, [&] { return self_->kinship(resolved); });
  }
  [[nodiscard]] ModelLayout layout(const Value& resolved) const {
    ModelLayout layout = named(shown_, [&] { return self_->layout(resolved); });
    if (layout.settle)
      layout.settle = [settle = std::move(layout.settle), shown = shown_](
                          TensorMap& tensors, const TensorShapes& model, const std::string& source,
                          const Console& console) {
        named(shown, [&] { settle(tensors, model, source, console); });
      };
    return layout;
  }
  /// Nothing where the format can't tell.
  [[nodiscard]] std::optional<Table> tokenizer(const std::filesystem::path& folder) const {
    return named(shown_, [&] { return self_->tokenizer(folder); });
  }
  [[nodiscard]] std::string obstacle(const ExportedModel& model) const {
    return named(shown_, [&] { return self_->obstacle(model); });
  }
  [[nodiscard]] std::vector<FolderFile> files(const ExportedModel& model) const {
    return named(shown_, [&] { return self_->files(model); });
  }
  void pack(NamedTensors& tensors, Metadata& metadata) const {
    named(shown_, [&] { self_->pack(tensors, metadata); });
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual std::string title() const = 0;
    virtual Kinship kinship(const ForeignModel& foreign) const = 0;
    virtual OwnWeights translate(WeightFile file, const Console& console) const = 0;
    virtual Value settings(const ForeignModel& foreign, const Console& console) const = 0;
    virtual ImportedModel import_model(ForeignModel foreign,
                                       const ImportArguments& arguments) const = 0;
    virtual std::optional<Table> tokenizer(const std::filesystem::path& folder) const = 0;
    virtual Kinship kinship(const Value& resolved) const = 0;
    virtual ModelLayout layout(const Value& resolved) const = 0;
    virtual std::string obstacle(const ExportedModel& model) const = 0;
    virtual std::vector<FolderFile> files(const ExportedModel& model) const = 0;
    virtual void pack(NamedTensors& tensors, Metadata& metadata) const = 0;
  };
  template <class F>
  struct Holder final : Base {
    explicit Holder(F f) : format(std::move(f)) {}
    std::string title() const override { return format.title(); }
    Kinship kinship(const ForeignModel& foreign) const override { return format.kinship(foreign); }
    OwnWeights translate(WeightFile file, const Console& console) const override {
      return format.translate(std::move(file), console);
    }
    Value settings(const ForeignModel& foreign, const Console& console) const override {
      return format.settings(foreign, console);
    }
    ImportedModel import_model(ForeignModel foreign,
                               const ImportArguments& arguments) const override {
      return format.import_model(std::move(foreign), arguments);
    }
    std::optional<Table> tokenizer(const std::filesystem::path& folder) const override {
      if constexpr (requires {
                      { format.tokenizer(folder) } -> std::same_as<std::optional<Table>>;
                    })
        return format.tokenizer(folder);
      else
        return std::nullopt;
    }
    Kinship kinship(const Value& resolved) const override { return format.kinship(resolved); }
    ModelLayout layout(const Value& resolved) const override { return format.layout(resolved); }
    std::string obstacle(const ExportedModel& model) const override {
      return format.obstacle(model);
    }
    std::vector<FolderFile> files(const ExportedModel& model) const override {
      return format.files(model);
    }
    void pack(NamedTensors& tensors, Metadata& metadata) const override {
      format.pack(tensors, metadata);
    }
    F format;
  };
  std::shared_ptr<const Base> self_;
  std::string shown_;  // in messages
};
static_assert(Format<AnyFormat>);

template <Format T>
AnyFormat kind_of(ComponentTag<T>);

}  // namespace vlp
