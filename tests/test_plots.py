import numpy as np
from PIL import Image

from mmzoo.plots import plot_gallery, plot_loss, plot_similarity

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), "uint8")


def test_plots_are_pngs_and_nothing_else_is_left(tmp_path):
    plot_loss({"loss": [2.0, 1.0], "val_loss": [2.1, 1.5]}, tmp_path / "loss.png")
    plot_similarity(np.eye(3, 2), PICTURES, ["a circle", "a square"], tmp_path / "similarity.png")
    plot_gallery(["a circle", "a square"], [PICTURES, PICTURES[:1]], tmp_path / "gallery.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gallery.png", "loss.png", "similarity.png"]
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 50
