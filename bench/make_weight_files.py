"""The files of tests/fixtures/weights that hold more than weights, or ask for what no file may ask for.

Run with torch 2.11, numpy 2.4 and omegaconf 2.4:
  python bench/make_weight_files.py tests/fixtures/weights
"""

import argparse
import collections
import pathlib
import subprocess
import sys

import numpy
import omegaconf
import torch


def settings():
    """What training scripts save beside weights."""
    return {
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]},
        "epoch": 3,
        "config": omegaconf.OmegaConf.create(
            {
                "lr": 1e-4,
                "layers": [1, 2.5, "x", None, True],
                "deep": {"again": "${lr}", "later": "???"},
                "folder": pathlib.Path("runs"),
            }
        ),
        "args": argparse.Namespace(lr=1e-4, inner=argparse.Namespace(depth=2)),
        "numbers": {
            "scalar": numpy.float64(0.5),
            "count": numpy.int64(3),
            "flag": numpy.bool_(True),
            "dtype": numpy.dtype("float32"),
            "type": numpy.float32,
            "array": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
            "words": numpy.array(["ab", "c"]),
        },
        "paths": [pathlib.PurePosixPath("runs/a"), pathlib.PosixPath("/home"), pathlib.PureWindowsPath("C:/a")],
        "history": collections.defaultdict(list, {"loss": [1.0, 0.5]}),
        "words": collections.Counter("aab"),
        "sets": [{1, 2}, frozenset(["x"])],
        "others": [1 + 2j, range(3), bytearray(b"ab"), torch.__version__],
    }


class Asks:
    """Is pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce_ex__(self, protocol):
        return self.call


def main():
    folder = pathlib.Path(sys.argv[1])
    weights = collections.OrderedDict({"module.w": torch.tensor([1.0, 2.0, 3.0]), "module.b": torch.tensor([4.0])})
    for protocol, name in ((2, "settings.bin"), (4, "settings_protocol_4.bin")):
        torch.save({"model": weights, **settings()}, folder / name, pickle_protocol=protocol)
    for name, value in (
        ("getattr", Asks(getattr, 1, "real")),
        ("object", subprocess.Popen.__new__(subprocess.Popen)),
        ("numpy_function", Asks(numpy.loadtxt, "nothing")),
    ):
        torch.save({"w": torch.tensor([1.0]), "x": value}, folder / f"refuse_{name}.bin")


main()
