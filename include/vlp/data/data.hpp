#pragma once
// Everything between files and batches: the dataset, its tokenizer, its transforms and the prompt.

#include <string>

#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/image/decode.hpp"

namespace vlp {

/// How images and texts become tensors.
struct Preprocessing {
  AnyTokenizer tokenizer;            ///< text to ids and back
  Pipelines transforms;              ///< of images and of captions
  std::string prompt;                ///< stands before every caption; not supervised; may be empty
  ImageFiles images = ImageFiles();  ///< how image files are read, in training and evaluation
};

/// What training and evaluation read from.
struct Data : Preprocessing {
  AnyDataset dataset;  ///< records by split
};

}  // namespace vlp
