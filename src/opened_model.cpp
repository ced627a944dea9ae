#include "opened_model.hpp"

namespace vlp {

OpenedModel opened_model(const std::string& name, const Registry& registry, const OpenModelArguments& arguments) {
  return open_model(name, registry, arguments);
}

}  // namespace vlp
