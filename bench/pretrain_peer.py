"""BLIP's pre-training step (Li et al. 2022, section 3.2) put together from transformers' modules, in the way of the original
code: momentum encoders, queues, hard negatives drawn row by row, three losses. Writes the inputs that vlp gets, too.

    python pretrain_peer.py make FOLDER SIZE            SIZE: base or demo
    python pretrain_peer.py time KEY=VALUE...           folder=FOLDER batch=N repetitions=N threads=N device=cpu|cuda precision=fp32|bf16
"""

import contextlib
import copy
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BlipTextConfig, BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel, BlipTextModel

SIZES = {
    "base": dict(width=768, layers=12, text_layers=12, heads=12, image=224, patch=16, embedding=256, queue=57600, texts=30),
    "demo": dict(width=128, layers=3, text_layers=2, heads=4, image=48, patch=8, embedding=64, queue=1024, texts=20),
}
VOCABULARY, DEC, ENC, CLS, SEP = 30524, 30522, 30523, 101, 102
ALPHA, MOMENTUM = 0.4, 0.995


class Med(nn.Module):
    """Three text modes over shared weights: all but self-attention."""

    def __init__(self, size: dict):
        super().__init__()
        vision = BlipVisionConfig(
            hidden_size=size["width"], intermediate_size=4 * size["width"], num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"], image_size=size["image"], patch_size=size["patch"], initializer_range=0.02,
            layer_norm_eps=1e-6,
        )  # fmt: skip
        text = BlipTextConfig(
            vocab_size=VOCABULARY, hidden_size=size["width"], encoder_hidden_size=size["width"],
            intermediate_size=4 * size["width"], num_hidden_layers=size["text_layers"], num_attention_heads=size["heads"],
            label_smoothing=0.1, bos_token_id=DEC, sep_token_id=SEP, eos_token_id=SEP,
        )  # fmt: skip
        self.vision_model = BlipVisionModel(vision)
        self.text_encoder = BlipTextModel(text, add_pooling_layer=False)
        self.text_decoder = BlipTextLMHeadModel(text)
        self.vision_proj = nn.Linear(size["width"], size["embedding"])
        self.text_proj = nn.Linear(size["width"], size["embedding"])
        self.itm_head = nn.Linear(size["width"], 2)
        self.temp = nn.Parameter(torch.tensor(0.07))
        self.momentum_encoders = [copy.deepcopy(m) for m in (self.vision_model, self.vision_proj, self.text_encoder, self.text_proj)]
        self.share()
        self.text_decoder.cls.predictions.decoder.weight = self.text_decoder.bert.embeddings.word_embeddings.weight

    def share(self) -> None:
        encoder, decoder = self.text_encoder, self.text_decoder.bert
        encoder.embeddings = decoder.embeddings
        for mine, theirs in zip(encoder.encoder.layer, decoder.encoder.layer):
            mine.crossattention, mine.intermediate, mine.output = theirs.crossattention, theirs.intermediate, theirs.output

    def refresh_twins(self) -> None:
        for online, momentum_encoder in zip((self.vision_model, self.vision_proj, self.text_encoder, self.text_proj), self.momentum_encoders):
            momentum_encoder.load_state_dict(online.state_dict())
            momentum_encoder.requires_grad_(False)

    @torch.no_grad()
    def follow(self) -> None:
        for online, momentum_encoder in zip((self.vision_model, self.vision_proj, self.text_encoder, self.text_proj), self.momentum_encoders):
            for p, p_m in zip(online.parameters(), momentum_encoder.parameters()):
                p_m.data = p_m.data * MOMENTUM + p.data * (1.0 - MOMENTUM)

    def ground(self, ids, mask, image):
        ids = ids.clone()
        ids[:, 0] = ENC
        seen = torch.ones(image.shape[:2], dtype=torch.long, device=image.device)
        return self.text_encoder(ids, attention_mask=mask, encoder_hidden_states=image, encoder_attention_mask=seen, is_decoder=False).last_hidden_state

    def forward(self, pixels, ids, mask, queues, pointer: int):
        with torch.no_grad():
            self.temp.clamp_(0.001, 0.5)
        image = self.vision_model(pixel_values=pixels).last_hidden_state
        image_feat = F.normalize(self.vision_proj(image[:, 0]), dim=-1)
        text = self.text_encoder(ids, attention_mask=mask, is_decoder=False).last_hidden_state
        text_feat = F.normalize(self.text_proj(text[:, 0]), dim=-1)
        batch = len(ids)
        with torch.no_grad():
            self.follow()
            vision_m, vision_proj_m, text_m, text_proj_m = self.momentum_encoders
            image_feat_m = F.normalize(vision_proj_m(vision_m(pixel_values=pixels).last_hidden_state[:, 0]), dim=-1)
            text_feat_m = F.normalize(text_proj_m(text_m(ids, attention_mask=mask, is_decoder=False).last_hidden_state[:, 0]), dim=-1)
            image_all = torch.cat([image_feat_m.t(), queues["image_queue"]], dim=1)
            text_all = torch.cat([text_feat_m.t(), queues["text_queue"]], dim=1)
            own = torch.zeros(batch, image_all.shape[1], device=ids.device)
            own.fill_diagonal_(1)
            targets_i2t = ALPHA * F.softmax(image_feat_m @ text_all / self.temp, dim=1) + (1 - ALPHA) * own
            targets_t2i = ALPHA * F.softmax(text_feat_m @ image_all / self.temp, dim=1) + (1 - ALPHA) * own
        sim_i2t, sim_t2i = image_feat @ text_all / self.temp, text_feat @ image_all / self.temp
        loss_i2t = -torch.sum(F.log_softmax(sim_i2t, dim=1) * targets_i2t, dim=1).mean()
        loss_t2i = -torch.sum(F.log_softmax(sim_t2i, dim=1) * targets_t2i, dim=1).mean()
        itc = (loss_i2t + loss_t2i) / 2
        with torch.no_grad():
            queues["image_queue"][:, pointer : pointer + batch] = image_feat_m.t()
            queues["text_queue"][:, pointer : pointer + batch] = text_feat_m.t()
            weights_t2i = F.softmax(sim_t2i[:, :batch], dim=1) + 1e-4
            weights_i2t = F.softmax(sim_i2t[:, :batch], dim=1) + 1e-4
            weights_t2i.fill_diagonal_(0)
            weights_i2t.fill_diagonal_(0)
        positive = self.ground(ids, mask, image)
        images = torch.stack([image[torch.multinomial(row, 1).item()] for row in weights_t2i])
        drawn = [torch.multinomial(row, 1).item() for row in weights_i2t]
        negative = self.ground(torch.cat([ids, ids[drawn]]), torch.cat([mask, mask[drawn]]), torch.cat([images, image]))
        logits = self.itm_head(torch.cat([positive[:, 0], negative[:, 0]]))
        labels = torch.cat([torch.ones(batch, dtype=torch.long), torch.zeros(2 * batch, dtype=torch.long)]).to(ids.device)
        itm = F.cross_entropy(logits, labels)
        begun = ids.clone()
        begun[:, 0] = DEC
        seen = torch.ones(image.shape[:2], dtype=torch.long, device=image.device)
        lm = self.text_decoder(
            begun, attention_mask=mask, encoder_hidden_states=image, encoder_attention_mask=seen, labels=begun.masked_fill(mask == 0, -100)
        ).loss
        return itc, itm, lm


def make(folder: pathlib.Path, name: str) -> None:
    size = SIZES[name]
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(17)
    model = Med(size)
    tensors = {key: value.clone() for key, value in model.state_dict().items() if "position_ids" not in key}
    for queue in ("image_queue", "text_queue"):
        tensors[queue] = F.normalize(torch.randn(size["embedding"], size["queue"]), dim=0)
    tensors["queue_ptr"] = torch.zeros(1, dtype=torch.long)
    save_file(tensors, str(folder / "model.safetensors"))
    ids = torch.randint(1000, 30000, (64, size["texts"]))
    ids[:, 0], ids[:, -1] = CLS, SEP
    mask = torch.ones_like(ids)
    for row in range(1, len(ids), 2):  # every other text is shorter
        end = size["texts"] * 2 // 3
        ids[row, end - 1], ids[row, end:], mask[row, end:] = SEP, 0, 0
    save_file({"pixel_values": torch.randn(64, 3, size["image"], size["image"]), "input_ids": ids, "attention_mask": mask}, str(folder / "inputs.safetensors"))
    (folder / "recipe.toml").write_text(f"""
[run]
task = "train"
[dataset]
use = "flickr30k"
[tokenizer]
use = "wordpiece"
[[transform]]
use = "resize"
size = {size["image"]}
[[transform]]
use = "normalize"
[model]
use = "blip"
sharing = "all_but_self_attention"
embedding_width = {size["embedding"]}
momentum = {MOMENTUM}
weights = "{folder / "model.safetensors"}"
[model.encoder]
use = "vit"
patch = {size["patch"]}
width = {size["width"]}
depth = {size["layers"]}
heads = {size["heads"]}
layer_norm_eps = 1e-6
[model.text_encoder]
use = "bert"
width = {size["width"]}
depth = {size["text_layers"]}
heads = {size["heads"]}
[model.decoder]
use = "bert_cross_attention"
width = {size["width"]}
depth = {size["text_layers"]}
heads = {size["heads"]}
[[loss]]
use = "itc"
alpha = {ALPHA}
alpha_warmup_epochs = 0
queue_size = {size["queue"]}
[[loss]]
use = "itm"
[[loss]]
use = "lm"
label_smoothing = 0.1
[optimizer]
use = "adamw"
lr = 1e-4
weight_decay = 0.05
decay_norms_and_biases = true
""")
    (folder / ".complete").touch()


def time_steps(given: dict) -> dict:
    folder, batch, repetitions = pathlib.Path(given["folder"]), int(given["batch"]), int(given["repetitions"])
    device, precision = given.get("device", "cpu"), given.get("precision", "fp32")
    torch.set_num_threads(int(given["threads"]))
    torch.manual_seed(17)
    name = "base" if "base" in folder.name else "demo"
    model = Med(SIZES[name])
    tensors = load_file(str(folder / "model.safetensors"))
    queues = {key: tensors.pop(key).to(device) for key in ("image_queue", "text_queue")}
    tensors.pop("queue_ptr")
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert not unexpected and all("position_ids" in key for key in missing), (missing, unexpected)
    model.refresh_twins()
    model.to(device).train()
    for momentum_encoder in model.momentum_encoders:
        momentum_encoder.to(device).train()
    inputs = {key: value[:batch].to(device) for key, value in load_file(str(folder / "inputs.safetensors")).items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)
    autocast = contextlib.nullcontext() if precision == "fp32" else torch.autocast(device, dtype=torch.bfloat16)
    losses, seconds, pointer = [], [], 0
    for _ in range(repetitions + 1):
        begin = time.perf_counter()
        optimizer.zero_grad()
        with autocast:
            parts = model(inputs["pixel_values"], inputs["input_ids"], inputs["attention_mask"], queues, pointer)
        sum(parts).backward()
        optimizer.step()
        losses.append([part.item() for part in parts])
        seconds.append(time.perf_counter() - begin)
        pointer = (pointer + batch) % queues["image_queue"].shape[1]
    return {"seconds": seconds[1:], "items": batch, "losses": losses}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(time_steps(dict(word.split("=", 1) for word in sys.argv[2:]))))
