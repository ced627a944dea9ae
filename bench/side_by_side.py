"""vlp beside transformers and onnxruntime: the same weights, inputs and threads, one program at a time, in turn.

    ./dev bench [TASK...]      TASK: numbers, caption, encoder, train, pretrain, images; all by default

numbers: the largest differences of logits, image states and loss from transformers'. The others are timed.

VLP_BENCH_SIZE=base|large|demo, VLP_BENCH_DEVICE=cpu|cuda, VLP_BENCH_PRECISION=fp32|tf32|bf16|fp16, VLP_BENCH_ROUNDS=3,
VLP_BENCH_THREADS (default: all cores). A line a contestant: minimum, median and maximum of items a second over the
rounds, and the ratio of the medians to transformers'.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
build = root / "build" / "bench"
size = os.environ.get("VLP_BENCH_SIZE", "base")
device = os.environ.get("VLP_BENCH_DEVICE", "cpu")
precision = os.environ.get("VLP_BENCH_PRECISION", "fp32")
rounds = int(os.environ.get("VLP_BENCH_ROUNDS", "3"))
threads = int(os.environ.get("VLP_BENCH_THREADS", os.cpu_count()))
folder = build / f"inputs-{size}"


def contestant(name: str, task: str, **settings) -> dict:
    words = [f"{key}={value}" for key, value in {"task": task, **settings}.items()]
    if name.startswith("vlp"):
        command = [str(build / "measure"), *words, f"share={root / 'share'}"]
    elif task == "pretrain":
        command = [sys.executable, str(root / "bench" / "pretrain_peer.py"), "time", *words]
    else:
        command = [sys.executable, str(root / "bench" / "peer.py"), name, *words]
    environment = os.environ | {"GOMP_SPINCOUNT": "50000", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    if task == "images":
        command = ["taskset", "-c", "0", *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def same_ids(a: list, b: list) -> str:
    equal = sum(x == y for x, y in zip(a, b))
    return f"ids equal in {equal} of {len(a)}"


def compare(title: str, names: dict[str, dict], task: str, common: dict) -> None:
    """`names`: what each contestant does otherwise than `common`; the first is what the others are compared with."""
    print(f"\n{title}", flush=True)
    rates, last = {name: [] for name in names}, {}
    for _ in range(rounds):
        for name, own in names.items():
            last[name] = contestant(name, task, **{**common, **own})
            rates[name] += [last[name]["items"] / s for s in last[name]["seconds"]]
    first = next(iter(names))
    for name, found in rates.items():
        median = statistics.median(found)
        line = f"  {name:<22}{min(found):9.3f} {median:9.3f} {max(found):9.3f} /s"
        if name != first:
            line += f"   {median / statistics.median(rates[first]):5.2f} x"
            if "ids" in last[name]:
                line += f"   {same_ids(last[first]['ids'], last[name]['ids'])}"
        if "losses" in last[name] and task == "train":
            line += f"   losses {', '.join(f'{x:.5f}' for x in last[name]['losses'])}"
        print(line, flush=True)


def compare_pretraining() -> None:
    """Steps with the three losses of BLIP. With two pairs the hard negatives are the same for both, and so are all losses."""
    where = build / f"pretrain-{'demo' if size == 'demo' else 'base'}"
    if not (where / ".complete").exists():
        subprocess.run([sys.executable, str(root / "bench" / "pretrain_peer.py"), "make", str(where), where.name.split("-")[1]], check=True)
    common = {"folder": where, "threads": threads, "device": device, "precision": precision}
    names = {"transformers": {}, "vlp": {}}
    found = {name: contestant(name, "pretrain", **common, batch=2, repetitions=2)["losses"] for name in names}
    print("\npre-training, losses itc, itm, lm of three updates on 2 pairs")
    for name, losses in found.items():
        print(f"  {name:<22}" + "   ".join(" ".join(f"{x:.5f}" for x in step) for step in losses))
    batch = 8 if device == "cpu" else 64
    compare(f"pre-training step, batch {batch}", names, "pretrain", common | {"batch": batch, "repetitions": 2 if device == "cpu" else 10})


def compare_numbers() -> None:
    """Only the tensors that transformers gave are of interest; a trace holds more."""
    trace, expected = build / "trace.safetensors", folder / "trace_expected.safetensors"
    vlp = root / "build" / "vlp"
    inputs = folder / "trace_inputs.safetensors"
    subprocess.run([vlp, "trace", "--model", folder / "model", "--inputs", inputs, "--out", trace, "--device", device], check=True, capture_output=True)
    lines = subprocess.run([vlp, "trace", "--compare", trace, expected], capture_output=True, text=True).stdout.splitlines()
    print("\nnumbers beside transformers' (float32)")
    for line in lines:
        if {"logits", "image_embeds", "loss"} & set(line.split()[:2]):
            print("  " + line)
    trace.unlink()


def main() -> None:
    import torch
    import transformers

    tasks = sys.argv[1:] or ["numbers", "caption", "encoder", "train", "pretrain", "images"]
    if not (folder / ".complete").exists():
        subprocess.run([sys.executable, str(root / "bench" / "make_inputs.py"), str(folder), size], check=True)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{threads} threads"
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, BLIP {size}, {device} ({where}), {precision}")
    print("items a second: minimum, median, maximum; ratio of the medians")
    common = {
        "model": folder / "model",
        "inputs": folder / "inputs.safetensors",
        "threads": threads,
        "device": device,
        "precision": precision,
    }
    on_cpu = device == "cpu" and precision == "fp32"
    peers = {"transformers": {}, "tuned": {}, "vlp": {}} if on_cpu else {"transformers": {}, "vlp": {}}
    if "numbers" in tasks:
        compare_numbers()
    if "caption" in tasks:
        for batch in (8, 1):
            names = peers | ({"vlp int8": {"precision": "int8"}} if on_cpu else {})
            compare(f"captions, 3 beams, 20 tokens, batch {batch}", names, "caption", common | {"batch": batch, "repetitions": 1 if batch > 1 else 3})
    if "encoder" in tasks:
        names = peers | ({"onnxruntime": {}, "vlp int8": {"precision": "int8"}} if on_cpu else {})
        compare("image encoder, batch 4", names, "encoder", common | {"batch": 4, "repetitions": 3})
    if "train" in tasks:
        batch = 2 if on_cpu else 8
        compare(f"training step, batch {batch}", peers, "train", common | {"batch": batch, "repetitions": 3})
    if "pretrain" in tasks:
        compare_pretraining()
    if "images" in tasks:
        names = {"transformers": {}, "vlp": {}}
        compare("JPEG 500 x 375 to a normalised 384 x 384 tensor, one core", names, "images", {"images": folder / "images", "threads": 1, "repetitions": 3})


main()
