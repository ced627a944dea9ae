"""Reads what a run of vlp writes with pycocotools: captions as COCO's results, references as COCO's annotations.

    ./dev bench figures                              does so behind the figures
    python bench/coco_files.py VLP VLP_DEMO_DATA     with these programs

Two small runs, one whose images have integers as ids and one whose ids are texts, and `vlp score --per-image` of each.
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

from pycocotools.coco import COCO

RECIPE = """[dataset]
use = "karpathy"
image_key = "{key}"
[tokenizer]
use = "wordpiece"
max_length = 12
[[transform]]
use = "resize"
size = 16
[[transform]]
use = "normalize"
[model]
use = "blip"
[model.encoder]
use = "vit"
patch = 8
width = 16
depth = 1
heads = 2
[model.decoder]
use = "bert_cross_attention"
width = 16
depth = 1
heads = 2
[[loss]]
use = "lm"
[[metric]]
use = "bleu"
[optimizer]
use = "adamw"
lr = 1e-3
[train]
epochs = 1
max_steps = 2
batch_size = 4
[generate]
max_length = 8
[report]
contact_sheet = 0
"""


def check(program: str, data: pathlib.Path, key: str, kind: type) -> None:
    recipe, run = data / f"{key}.toml", data / f"run-{key}"
    recipe.write_text(RECIPE.format(key=key))
    command = [program, "run", recipe, "--data-dir", data, "--out", run, "--device", "cpu", "--threads", "1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    references, results = run / "references" / "test.json", next((run / "captions").glob("test-*.json"))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(references))
        found = coco.loadRes(str(results))
    ids = sorted(coco.getImgIds())
    assert ids and ids == sorted(found.getImgIds()), f"{key}: other images in results than in references"
    assert all(type(i) is kind for i in ids), f"{key}: ids are {type(ids[0]).__name__}, expected {kind.__name__}"
    command = [program, "score", "--references", references, "--candidates", results, "--per-image", "--format", "json"]
    scored = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout)
    assert sorted(row["image_id"] for row in scored["per_image"]) == ids, f"{key}: other ids in scores"


def main() -> None:
    program, make_data = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder)
        subprocess.run([make_data, data, "--images", "40"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        check(program, data, "imgid", int)
        check(program, data, "filename", str)
    print("pycocotools reads what vlp writes")


main()
