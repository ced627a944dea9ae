#include "vlp/weights/opaque_values.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(opaque_values)

BOOST_AUTO_TEST_CASE(settings_and_numbers_are_known_by_their_whole_names) {
  for (const char* name :
       {"argparse.Namespace", "collections.Counter", "builtins.set", "__builtin__.unicode",
        "typing.Any", "pathlib.PosixPath", "pathlib._local.PosixPath", "numpy.dtype",
        "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray._reconstruct",
        "numpy.dtypes.Float32DType", "omegaconf.dictconfig.DictConfig", "omegaconf.nodes.AnyNode",
        "omegaconf.base.Metadata", "torch.torch_version.TorchVersion"})
    BOOST_TEST(vlp::is_opaque_name(name), name);
}

BOOST_AUTO_TEST_CASE(functions_that_do_something_and_parts_of_names_are_not) {
  for (const char* name : {"builtins.eval",
                           "builtins.exec",
                           "builtins.getattr",
                           "builtins.open",
                           "builtins.__import__",
                           "builtins.type",
                           "__builtin__.eval",
                           "os.system",
                           "posix.system",
                           "subprocess.Popen",
                           "numpy.load",
                           "numpy.loadtxt",
                           "numpy.core.multiarray.fromfile",
                           "numpy.dtypes.eval",
                           "omegaconf.OmegaConf",
                           "omegaconf.omegaconf.OmegaConf",
                           "pathlib.os.system",
                           "collections.namedtuple",
                           "typing.get_type_hints",
                           "torch.load",
                           "torch.serialization.load",
                           "torch.hub.load",
                           "argparse.ArgumentParser",
                           "argparse.Name",
                           "argparse.Namespaces",
                           "argparse.amespace",
                           "argparse.",
                           ".Namespace",
                           "Namespace",
                           "",
                           "builtins.",
                           "builtins.dict list",
                           "builtins.bool bytearray",
                           "builtins.Namespace",
                           "Argparse.Namespace"})
    BOOST_TEST(!vlp::is_opaque_name(name), name);
}

BOOST_AUTO_TEST_SUITE_END()
