"""vlp score beside pycocoevalcap: the same captions, whole commands from start to end, one at a time, in turn.

    ./dev bench score [IMAGES...]      default: 5000 29000 images of 4 references and 1 candidate each

For every size: the largest difference of any score, of the whole set and of single images; then a line a contestant:
minimum, median and maximum of seconds over the rounds, captions a second, the peak memory of its largest process, and
the ratio of the medians. At the end vlp alone with twice and four times as many images. VLP_BENCH_ROUNDS=3.
The captions are made by make_captions.py into build/bench.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
build = root / "build" / "bench"
rounds = int(os.environ.get("VLP_BENCH_ROUNDS", "3"))
REFERENCES = 4
CAPTIONS = REFERENCES + 1


def captions(images: int) -> list[pathlib.Path]:
    """References and candidates for `images` images; made when they are not there yet."""
    folder, maker = build / f"captions-{images}", root / "bench" / "make_captions.py"
    stamp = folder / ".complete"
    if not stamp.exists() or stamp.read_bytes() != maker.read_bytes():
        subprocess.run([sys.executable, maker, folder, str(images), str(REFERENCES)], check=True)
        stamp.write_bytes(maker.read_bytes())
    return [folder / "references.json", folder / "candidates.json"]


def command(name: str, files: list[pathlib.Path], *more: str) -> list:
    if name == "vlp":
        words = ["--references", files[0], "--candidates", files[1], "--metrics", "bleu,rouge_l,cider", "--format", "json"]
        return [root / "build" / "vlp", "score", *words, *more]
    return [sys.executable, root / "bench" / "score_peer.py", *files, *more]


# A process starts with its parent's peak memory, so a small one starts and times the contestant.
STOPWATCH = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


def run(words: list) -> tuple[dict, float, float]:
    """What a command prints, its seconds, and the peak memory in MB of the largest process it started."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", STOPWATCH, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    seconds, megabytes = done.stderr.splitlines()[-1].split()
    return json.loads(done.stdout), float(seconds), float(megabytes)


def largest_difference(a: dict, b: dict) -> str:
    if a["images"] != b["images"] or a["scores"].keys() != b["scores"].keys():
        sys.exit(f"the contestants scored different things: {a['images']} and {b['images']} images, {list(a['scores'])} and {list(b['scores'])}")
    of_set = max(abs(a["scores"][name] - b["scores"][name]) for name in a["scores"])
    rows = {str(row["image_id"]): row for row in b["per_image"]}
    of_image = max(abs(row[name] - rows[str(row["image_id"])][name]) for row in a["per_image"] for name in a["scores"])
    return f"largest difference: {of_set:.1e} of the set's scores, {of_image:.1e} of an image's"


def line(name: str, images: int, seconds: list[float], megabytes: float) -> str:
    median = statistics.median(seconds)
    return f"  {name:<14}{min(seconds):9.3f} {median:9.3f} {max(seconds):9.3f} s {images * CAPTIONS / median:11,.0f} captions/s {megabytes:7.0f} MB"


def compare(images: int) -> None:
    files, names = captions(images), ("pycocoevalcap", "vlp")
    print(f"\n{images:,} images, {images * CAPTIONS:,} captions", flush=True)
    # Not timed: also brings both programs and their files into the system's cache.
    found = {name: run(command(name, files, "--per-image"))[0] for name in names}
    print("  " + "  ".join(f"{name} {value:.4f}" for name, value in found["vlp"]["scores"].items()))
    print("  " + largest_difference(found["pycocoevalcap"], found["vlp"]), flush=True)
    seconds, memory = {name: [] for name in names}, {}
    for _ in range(rounds):
        for name in names:
            _, took, memory[name] = run(command(name, files))
            seconds[name].append(took)
    for name in names:
        print(line(name, images, seconds[name], memory[name]))
    print(f"  ratio of the medians: {statistics.median(seconds[names[0]]) / statistics.median(seconds[names[1]]):.0f} x", flush=True)


def grow(sizes: list[int]) -> None:
    print("\nvlp alone")
    for images in sizes:
        files = captions(images)
        runs = [run(command("vlp", files))[1:] for _ in range(rounds)]
        print(line(f"{images:,} images", images, [took for took, _ in runs], max(memory for _, memory in runs)), flush=True)


def main() -> None:
    from importlib.metadata import version

    sizes = [int(word) for word in sys.argv[1:]] or [5000, 29000]
    build.mkdir(parents=True, exist_ok=True)
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in ("pycocoevalcap", "pycocotools", "numpy"))
    print(f"{packages}, Python {platform.python_version()}, {java}; {os.cpu_count()} cores")
    print(f"whole commands: minimum, median, maximum of {rounds} rounds; captions a second; peak memory of the largest process")
    for images in sizes:
        compare(images)
    grow([factor * images for images in sizes for factor in (1, 2, 4)])


main()
