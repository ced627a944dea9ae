"""What people run today: pycocotools reads both files, pycocoevalcap tokenises and scores; METEOR and SPICE are left out.

    python score_peer.py REFERENCES.json CANDIDATES.json [--per-image]     prints the JSON that `vlp score --format json` prints
"""

import contextlib
import json
import os
import sys

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from pycocotools.coco import COCO


def score(references: str, candidates: str, per_image: bool) -> dict:
    coco = COCO(references)
    results = coco.loadRes(candidates)
    images = results.getImgIds()
    tokenizer = PTBTokenizer()
    truth = tokenizer.tokenize({image: coco.imgToAnns[image] for image in images})
    said = tokenizer.tokenize({image: results.imgToAnns[image] for image in images})
    scores, rows = {}, {}
    for scorer, names in ((Bleu(4), ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4"]), (Rouge(), "ROUGE_L"), (Cider(), "CIDEr")):
        corpus, image_scores = scorer.compute_score(truth, said)
        if isinstance(names, str):
            names, corpus, image_scores = [names], [corpus], [image_scores]
        scores |= {name: float(value) for name, value in zip(names, corpus)}
        rows |= dict(zip(names, image_scores))
    out = {"scores": scores, "images": len(images)}
    if per_image:
        values = zip(*rows.values())
        out["per_image"] = [{"image_id": image, **{name: float(x) for name, x in zip(rows, row)}} for image, row in zip(truth, values)]
    return out


def main() -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        out = score(sys.argv[1], sys.argv[2], "--per-image" in sys.argv)
    print(json.dumps(out))


main()
