"""transformers' CLIP image tower (encoder, projection, L2 norm) with random weights: as ONNX, or eagerly in torch.

    python clip_image_tower.py onnx EXPORTER FILE    by torch's exporter "dynamo" or "torchscript"
    python clip_image_tower.py eager THREADS         answers each line N on standard input with the milliseconds of N calls

Runs in the peers' environment. pixel_values (batch, 3, 224, 224) float32 -> image_embeds (batch, 512), norm 1.
"""

import json
import sys
import time
import warnings

import torch
from transformers import CLIPConfig, CLIPModel


class ImageTower(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.vision_model, self.visual_projection = clip.vision_model, clip.visual_projection

    def forward(self, pixel_values):
        embeds = self.visual_projection(self.vision_model(pixel_values=pixel_values).pooler_output)
        return embeds / embeds.norm(dim=-1, keepdim=True)


def export(tower, exporter, path):
    warnings.simplefilter("ignore")  # the exporters warn of one another and of branches on shapes
    example = (torch.randn(2, 3, 224, 224),)
    names = {"input_names": ["pixel_values"], "output_names": ["image_embeds"], "verbose": False}
    if exporter == "dynamo":
        shapes = {"pixel_values": {0: "batch"}}
        torch.onnx.export(tower, example, path, dynamo=True, external_data=False, dynamic_shapes=shapes, **names)
    else:
        axes = {"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}}
        torch.onnx.export(tower, example, path, dynamo=False, opset_version=18, dynamic_axes=axes, **names)


def answer(tower):
    picture = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        for line in sys.stdin:
            times = []
            for _ in range(int(line)):
                started = time.perf_counter()
                tower(picture)
                times.append(1000 * (time.perf_counter() - started))
            print(json.dumps(times), flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    image_tower = ImageTower(CLIPModel(CLIPConfig())).eval()
    if sys.argv[1] == "onnx":
        with torch.no_grad():
            export(image_tower, *sys.argv[2:])
    else:
        torch.set_num_threads(int(sys.argv[2]))
        answer(image_tower)
