"""Makes again, with the real software, the figures that the tests of tokenizer and metrics compare vlp with.

    ./dev bench figures [SET...]                     makes them afresh and compares: exit code 1 where a stored one differs
    python reference_figures.py --write SET...       makes them and stores them

A SET is NAME.captions.txt or NAME.inputs.json, also with .gz; by default all in tests/fixtures/metrics. Beside it lie

    NAME.java_tokens.txt            the tokenizer's words for all lines passed at once
    NAME.java_tokens_isolated.txt   ... for every line as a text of its own
    NAME.ptb_tokens.txt             ... for all lines at once, after pycocoevalcap has taken out punctuation

or NAME.tokenized.json and NAME.expected.json: the captions as the metrics see them, and their scores. All of them come from
pycocoevalcap and its Java tokenizer, except CIDEr_plain, which pycocoevalcap doesn't have: it is computed below.
"""

import collections
import contextlib
import gzip
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer import ptbtokenizer

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "metrics"
JAR = pathlib.Path(ptbtokenizer.__file__).parent / "stanford-corenlp-3.4.1.jar"
UTF8 = ["-Dfile.encoding=UTF-8", "-Dsun.stdout.encoding=UTF-8"]
JAVA = ["java", *UTF8, "-cp", str(JAR), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
# Sums in another order of another numpy or C library; measured differences stay below 1e-13.
TOLERANCE = 1e-12


# Text


def java(*words: str) -> str:
    done = subprocess.run([*JAVA, *words], capture_output=True)
    if done.returncode != 0:
        sys.exit(f"the tokenizer failed:\n{done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8")


def java_tokens(lines: list[str], folder: pathlib.Path) -> list[str]:
    (folder / "all").write_bytes("\n".join(lines).encode())
    found = java(str(folder / "all")).split("\n")
    if len(found) != len(lines):
        sys.exit(
            f"{len(lines)} captions gave {len(found)} lines: one of them holds a character that the tokenizer takes for a line "
            "end, or the last one is empty"
        )
    return found


def java_tokens_isolated(lines: list[str], folder: pathlib.Path) -> list[str]:
    """One file a line; one start of Java for all of them."""
    for number, line in enumerate(lines):
        (folder / f"{number}.in").write_bytes(line.encode())
    pairs = [f"{folder}/{number}.in\t{folder}/{number}.out\n" for number in range(len(lines))]
    (folder / "pairs").write_text("".join(pairs))
    java("-ioFileList", str(folder / "pairs"))
    return [(folder / f"{number}.out").read_bytes().decode("utf-8").removesuffix("\n") for number in range(len(lines))]


def ptb_tokens(captions: dict) -> dict:
    """pycocoevalcap's wrapper: key -> list of captions becomes key -> list of words joined by blanks."""
    return ptbtokenizer.PTBTokenizer().tokenize({key: [{"caption": caption} for caption in group] for key, group in captions.items()})


def text_figures(captions: pathlib.Path) -> dict[str, list[str]]:
    lines = read(captions).removesuffix("\n").split("\n")
    with tempfile.TemporaryDirectory() as folder:
        return {
            "java_tokens.txt": java_tokens(lines, pathlib.Path(folder)),
            "java_tokens_isolated.txt": java_tokens_isolated(lines, pathlib.Path(folder)),
            "ptb_tokens.txt": [words for words, in ptb_tokens({number: [line] for number, line in enumerate(lines)}).values()],
        }


# Scores


def plain_cider(references: dict, candidates: dict) -> dict:
    """CIDEr without the candidate's counts clipped and without a penalty of length; key -> score (Vedantam et al. 2015, eq. 1 to 3)."""

    def grams(caption: str) -> list[collections.Counter]:
        words = caption.split()
        return [collections.Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1)) for n in (1, 2, 3, 4)]

    frequency = collections.Counter(gram for group in references.values() for gram in set().union(*(counts for text in group for counts in grams(text))))

    def vectors(caption: str) -> list[tuple[dict, float]]:
        weights = [{gram: count * math.log(len(references) / max(1, frequency[gram])) for gram, count in counts.items()} for counts in grams(caption)]
        return [(weight, math.sqrt(math.fsum(x * x for x in weight.values()))) for weight in weights]

    def cosine(a: tuple[dict, float], b: tuple[dict, float]) -> float:
        product = math.fsum(x * b[0].get(gram, 0) for gram, x in a[0].items())
        return product / (a[1] * b[1]) if a[1] and b[1] else 0.0

    scores = {}
    for key, group in references.items():
        own = vectors(candidates[key][0])
        scores[key] = 10 / 4 / len(group) * math.fsum(cosine(a, b) for text in group for a, b in zip(own, vectors(text)))
    return scores


def score_figures(inputs: pathlib.Path) -> dict[str, object]:
    images = json.loads(read(inputs))
    references = ptb_tokens({image["image_id"]: image["refs"] for image in images})
    candidates = ptb_tokens({image["image_id"]: [image["hyp"]] for image in images})
    if len(references) != len(images):
        sys.exit(f"{inputs}: two images have the same image_id")
    bleu, bleu_rows = Bleu(4).compute_score(references, candidates)
    scores = {f"Bleu_{n + 1}": bleu[n] for n in range(4)}
    rows = {f"Bleu_{n + 1}": bleu_rows[n] for n in range(4)}
    scores["ROUGE_L"], rows["ROUGE_L"] = Rouge().compute_score(references, candidates)
    scores["CIDEr"], rows["CIDEr"] = Cider().compute_score(references, candidates)
    rows["CIDEr_plain"] = list(plain_cider(references, candidates).values())
    scores["CIDEr_plain"] = math.fsum(rows["CIDEr_plain"]) / len(images)
    return {
        "tokenized.json": [{"image_id": key, "refs": references[key], "hyp": candidates[key][0]} for key in references],
        "expected.json": {
            "scores": {name: float(value) for name, value in scores.items()},
            "per_image": [{"image_id": key, **{name: float(rows[name][at]) for name in rows}} for at, key in enumerate(references)],
        },
    }


# Files


def read(path: pathlib.Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")


def write(path: pathlib.Path, text: str) -> None:
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def differences(stored, fresh, where: str) -> list[str]:
    """Where a stored figure differs from a fresh one; what is stored besides (other software's figures) is passed over."""
    if isinstance(fresh, dict) and isinstance(stored, dict):
        return [line for key in fresh for line in differences(stored.get(key), fresh[key], f"{where} {key}")]
    if isinstance(fresh, list) and isinstance(stored, list) and len(stored) == len(fresh):
        return [line for at in range(len(fresh)) for line in differences(stored[at], fresh[at], f"{where} [{at}]")]
    if isinstance(fresh, float) and isinstance(stored, (int, float)):
        equal = math.isclose(stored, fresh, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    else:
        equal = stored == fresh
    return [] if equal else [f"{where}: stored {stored!r}, made {fresh!r}"]


def sets(names: list[str]) -> list[pathlib.Path]:
    paths = [pathlib.Path(name) for name in names]
    return paths or sorted(path for pattern in ("*.captions.txt*", "*.inputs.json*") for path in DATA.glob(pattern))


def main() -> int:
    storing = "--write" in sys.argv
    found = []
    for path in sets([word for word in sys.argv[1:] if word not in ("--write", "--check")]):
        name, _, kind = path.name.partition(".")
        # The metrics print as they go.
        with contextlib.redirect_stdout(sys.stderr):
            figures = text_figures(path) if kind.startswith("captions") else score_figures(path)
        for ending, fresh in figures.items():
            file = path.with_name(f"{name}.{ending}{'.gz' if path.suffix == '.gz' else ''}")
            is_text = ending.endswith(".txt")
            if storing:
                write(file, "".join(line + "\n" for line in fresh) if is_text else json.dumps(fresh, ensure_ascii=False, separators=(",", ":")))
            elif not file.exists():
                found.append(f"{file.name}: there is none")
            else:
                text = read(file)
                found += differences(text.removesuffix("\n").split("\n") if is_text else json.loads(text), fresh, file.name)
        print(f"{path.name}: {'stored' if storing else 'compared'}", flush=True)
    if not storing:
        print("\n".join(found[:20]) if found else "no stored figure differs")
    return 1 if found else 0


sys.exit(main())
