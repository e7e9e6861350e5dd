"""Writes losses.npz: what torch's and transformers' losses give for small inputs, with the inputs.

Run once, in an environment of its own:  pip install torch==2.13.0 transformers==5.17.0 numpy && python tests/golden/make_losses.py
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import ViTConfig, ViTForMaskedImageModeling, ViTMAEConfig, ViTMAEForPreTraining

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def shake(module: torch.nn.Module) -> torch.nn.Module:
    """A new model's guesses are all near 0, so their order would hardly matter."""
    for parameter in module.parameters():
        parameter += 0.2 * torch.randn_like(parameter)
    return module.eval()


def classification() -> dict[str, torch.Tensor]:
    logits, labels = 3 * torch.randn(6, 5), torch.randint(0, 5, (6,))
    soft, several = torch.softmax(torch.randn(6, 5), 1), torch.randint(0, 2, (6, 5)).float()
    decisions = functional.binary_cross_entropy_with_logits(logits, several, reduction="none")
    return {
        "logits": logits,
        "labels": labels,
        "soft": soft,
        "several": several,
        "cross_entropy": functional.cross_entropy(logits, labels, reduction="none"),
        "cross_entropy_soft": functional.cross_entropy(logits, soft, reduction="none"),
        "cross_entropy_smooth": functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.1),
        "cross_entropy_soft_smooth": functional.cross_entropy(logits, soft, reduction="none", label_smoothing=0.1),
        "binary_cross_entropy": decisions.mean(1),
    }


def triplets() -> dict[str, torch.Tensor]:
    """The hinge of every (picture, its text, another text) and (text, its picture, another picture); 0 on the diagonal."""
    images, texts = torch.randn(5, 4), torch.randn(5, 4)
    loss = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - functional.cosine_similarity(a, b), margin=0.2, reduction="none"
    )
    anchor, other = (x.flatten() for x in torch.meshgrid(torch.arange(5), torch.arange(5), indexing="ij"))
    to_text = loss(images[anchor], texts[anchor], texts[other]).reshape(5, 5)
    to_image = loss(texts[anchor], images[anchor], images[other]).reshape(5, 5)
    similarities = functional.cosine_similarity(images[:, None], texts[None], dim=2)
    return {
        "similarities": similarities,
        "to_text": to_text.fill_diagonal_(0),
        "to_image": to_image.fill_diagonal_(0),
    }


def masked_tokens() -> dict[str, torch.Tensor]:
    logits, token_ids = 2 * torch.randn(3, 7, 11), torch.randint(0, 11, (3, 7))
    masked = torch.rand(3, 7) < 0.4
    loss = functional.cross_entropy(logits.flatten(0, 1), token_ids.where(masked, -100).flatten(), ignore_index=-100)
    return {"token_logits": logits, "token_ids": token_ids, "token_masked": masked, "token_loss": loss}


def masked_images() -> dict[str, torch.Tensor]:
    """MAE's with and without normalised targets, SimMIM's as in transformers' ViT; pictures in [0, 255], which both read in [-1, 1]."""
    images = torch.randint(0, 256, (2, 3, 12, 12)).float()
    images[0, :, :4, :4] = 90  # an even patch
    pixels = images / 127.5 - 1
    arrays = {"images": images.permute(0, 2, 3, 1)}
    decoder = {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    for name, normalize in (("mae", True), ("mae_plain", False)):
        config = ViTMAEConfig(
            **SMALL,
            **decoder,
            decoder_intermediate_size=32,
            image_size=12,
            patch_size=4,
            mask_ratio=0.6,
            norm_pix_loss=normalize,
        )
        mae = shake(ViTMAEForPreTraining(config))
        output = mae(pixels, noise=torch.arange(18).flip(0).reshape(2, 9).float())
        arrays |= {f"{name}_pixels": output.logits, f"{name}_mask": output.mask, f"{name}_loss": output.loss}
    vit = shake(ViTForMaskedImageModeling(ViTConfig(**SMALL, image_size=12, patch_size=4, encoder_stride=4)))
    mask = torch.rand(2, 9) < 0.5
    output = vit(pixels, bool_masked_pos=mask)
    return arrays | {
        "simmim_pixels": mae.patchify(output.reconstruction),
        "simmim_mask": mask,
        "simmim_loss": output.loss,
    }


def distillation() -> dict[str, torch.Tensor]:
    """ALBEF's eq. 6 for one direction, with torch's KL divergence and the entropy of the teacher that it leaves out."""
    logits, teacher, labels = torch.randn(6, 8), 2 * torch.randn(6, 8), torch.randint(0, 8, (6,))
    soft = torch.softmax(teacher, 1)
    divergence = functional.kl_div(torch.log_softmax(logits, 1), soft, reduction="none").sum(1)
    hard = functional.cross_entropy(logits, labels, reduction="none")
    return {
        "student": logits,
        "teacher": teacher,
        "student_labels": labels,
        "teacher_entropy": torch.special.entr(soft).sum(1),
        "albef": 0.6 * hard + 0.4 * divergence,
    }


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    arrays = classification() | triplets() | masked_tokens() | masked_images() | distillation()
    path = Path(__file__).with_name("losses.npz")
    np.savez_compressed(path, **{name: value.numpy() for name, value in arrays.items()})


if __name__ == "__main__":
    main()
