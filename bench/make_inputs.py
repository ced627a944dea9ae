"""Makes what the contestants work on: a BLIP checkpoint with random weights, random pixels and texts, JPEG files.

    python make_inputs.py OUT_FOLDER SIZE [without-pictures]     SIZE: base, large or demo
    python make_inputs.py OUT_FOLDER pictures                    the JPEG files alone
"""

import pathlib
import sys

import torch

SIZES = {
    "base": dict(text={}, vision={}),
    "large": dict(
        text={}, vision=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)
    ),
    "demo": dict(
        text=dict(hidden_size=128, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4),
        vision=dict(hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, image_size=48, patch_size=8),
    ),
}


def make_model(folder: pathlib.Path, size: str) -> None:
    from safetensors.torch import save_file
    from transformers import BlipConfig, BlipForConditionalGeneration

    text = dict(num_attention_heads=12) | SIZES[size]["text"]
    vision = dict(initializer_range=0.02) | SIZES[size]["vision"]
    torch.manual_seed(17)
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision)).eval()
    # Fresh weights write one caption for all images; with stronger ones in the decoder it depends on the image.
    with torch.no_grad():
        for name, parameter in model.text_decoder.named_parameters():
            if parameter.dim() == 2 and "embeddings" not in name:
                parameter.mul_(3)
    model.save_pretrained(folder / "model")
    side = model.config.vision_config.image_size
    ids = torch.randint(1000, 30000, (8, 20))
    ids[:, 0] = model.config.text_config.bos_token_id
    save_file({"pixel_values": torch.randn(8, 3, side, side), "input_ids": ids}, str(folder / "inputs.safetensors"))
    make_numbers(model, folder)


def make_numbers(model, folder: pathlib.Path) -> None:
    """What transformers computes for two images and texts, in the layout that `vlp trace --compare` reads."""
    from safetensors.torch import save_file

    side = model.config.vision_config.image_size
    ids = torch.randint(1000, 30000, (2, 12))
    ids[:, 0] = model.config.text_config.bos_token_id
    inputs = {"pixel_values": torch.randn(2, 3, side, side), "input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids.clone()}
    save_file(inputs, str(folder / "trace_inputs.safetensors"))
    with torch.no_grad():
        out = model(**inputs)
    numbers = {"logits": out.logits, "image_embeds": out.image_embeds, "loss": out.loss}
    save_file({name: value.contiguous() for name, value in numbers.items()}, str(folder / "trace_expected.safetensors"))


def make_pictures(folder: pathlib.Path) -> None:
    """500 x 375 JPEG files with about as much detail as photographs of Flickr have (about 80 kB)."""
    from PIL import Image, ImageFilter

    folder.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(17)
    for i in range(64):
        coarse = torch.randint(0, 256, (12, 16, 3), generator=generator, dtype=torch.uint8).numpy()
        fine = torch.randint(0, 256, (375, 500, 3), generator=generator, dtype=torch.uint8).numpy()
        picture = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        noise = Image.fromarray(fine).filter(ImageFilter.GaussianBlur(0.8))
        Image.blend(picture, noise, 0.4).save(folder / f"{i:02}.jpg", quality=93)


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    if sys.argv[2] != "pictures":
        make_model(out, sys.argv[2])
    if "without-pictures" not in sys.argv:
        make_pictures(out / "images")
    (out / ".complete").touch()
