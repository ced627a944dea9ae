"""The other contestants of side_by_side.py: times what it is asked for and prints a line of JSON.

    python peer.py PEER KEY=VALUE...      PEER: transformers, tuned (the same with glibc's allocator tuned), onnxruntime

The keys are those of measure.cpp.
"""

import contextlib
import ctypes
import functools
import json
import pathlib
import sys
import time

peer = sys.argv[1]
given = dict(word.split("=", 1) for word in sys.argv[2:])
if peer == "tuned":
    libc = ctypes.CDLL(None)
    libc.mallopt(-4, 0)  # M_MMAP_MAX
    libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

batches = [int(word) for word in given.get("batch", "1").split(",")]
all_beams = [int(word) for word in given.get("beams", "3").split(",")]
repetitions = int(given.get("repetitions", 1))
device, precision = given.get("device", "cpu"), given.get("precision", "fp32")
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
if threads := int(given.get("threads", 0)):
    torch.set_num_threads(threads)


def seconds_of(work) -> list[float]:
    work()
    seconds = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return seconds


@functools.cache
def model_and_all_inputs():
    from transformers import BlipForConditionalGeneration

    model = BlipForConditionalGeneration.from_pretrained(given["model"]).to(device)
    return model, {name: tensor.to(device) for name, tensor in load_file(given["inputs"]).items()}


def model_and_inputs(batch):
    """So many of the inputs, from the first again where there are fewer."""
    model, inputs = model_and_all_inputs()
    return model, {name: tensor[torch.arange(batch, device=device) % len(tensor)] for name, tensor in inputs.items()}


def number_format():
    if precision in ("fp32", "tf32"):
        return contextlib.nullcontext()
    return torch.autocast(device, dtype={"bf16": torch.bfloat16, "fp16": torch.float16}[precision])


def caption(batch, beams):
    model, inputs = model_and_inputs(batch)
    model.eval()
    ids = []

    def work():
        with torch.inference_mode(), number_format():
            out = model.generate(
                pixel_values=inputs["pixel_values"], num_beams=beams, max_length=21, min_length=21, repetition_penalty=1.5
            )
        ids[:] = out.tolist()

    return {"seconds": seconds_of(work), "items": batch, "beams": beams, "ids": ids}


def encoder(batch, beams):
    if peer == "onnxruntime":
        return onnx_encoder(batch)
    model, inputs = model_and_inputs(batch)
    model.eval()

    def work():
        with torch.inference_mode(), number_format():
            model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state.flatten()[0].item()

    return {"seconds": seconds_of(work), "items": batch}


def onnx_encoder(batch):
    import onnxruntime

    model, inputs = model_and_inputs(batch)
    pixels = inputs["pixel_values"]
    file = pathlib.Path(given["model"]) / f"encoder-{batch}.onnx"
    if not file.exists():

        class Encoder(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.vision = model.vision_model.eval()

            def forward(self, x):
                return self.vision(pixel_values=x).last_hidden_state

        with torch.no_grad():
            torch.onnx.export(Encoder().eval(), (pixels,), str(file), input_names=["x"], output_names=["y"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    feed = {"x": pixels.numpy()}
    return {"seconds": seconds_of(lambda: session.run(None, feed)), "items": batch}


def train(batch, beams):
    model, inputs = model_and_inputs(batch)
    model.train()
    # As transformers' Trainer does it: fused AdamW, gradients clipped at 1.
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.1, fused=True)
    scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
    ids = inputs["input_ids"]
    losses = []

    def work():
        optimizer.zero_grad()
        with number_format():
            loss = model(pixel_values=inputs["pixel_values"], input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())

    return {"seconds": seconds_of(work), "items": batch, "losses": losses}


def images(batch, beams):
    from PIL import Image
    from transformers import BlipImageProcessor

    processor = BlipImageProcessor(
        size={"height": 384, "width": 384},
        image_mean=[0.48145466, 0.4578275, 0.40821073],
        image_std=[0.26862954, 0.26130258, 0.27577711],
    )
    files = sorted(pathlib.Path(given["images"]).iterdir())

    def work():
        for file in files:
            processor(images=Image.open(file), return_tensors="pt")["pixel_values"]

    return {"seconds": seconds_of(work), "items": len(files)}


def measured(work, batch, beams):
    if device == "cpu":
        return work(batch, beams)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        return work(batch, beams) | {"peak_bytes": torch.cuda.max_memory_allocated()}
    except torch.cuda.OutOfMemoryError:
        return {"items": batch, "beams": beams, "error": "out of memory"}


task = {"caption": caption, "encoder": encoder, "train": train, "images": images}[given["task"]]
for size in batches:
    for width in all_beams:
        print(json.dumps(measured(task, size, width)), flush=True)
