"""What a text-to-image model draws at the end of epochs, judged, in the logs of fit.

The model has generate(captions, *, seed) -> (N, H, W, 3) uint8. Of one seed, every epoch draws from the same noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from mmzoo.metrics.callbacks import check_frequency, publish
from mmzoo.metrics.generation.extractors import FeatureExtractor
from mmzoo.metrics.generation.report import GenerationReport, check_counts, generation_report
from mmzoo.training.sample_grid import checked_captions


class CaptionConsistency(keras.callbacks.Callback):
    """Whether pictures show what their captions say, by a judge that took no part in training, every `frequency` epochs.

    judge(pictures (N, H, W, 3) uint8, captions) gives figures by name, of which the logs get "val_NAME"; for shapes:
    lambda pictures, captions: judge_pictures(pictures, captions).shares(). Put the callback before those that read the logs.
    `figures` are the last; fit prints them, with the number of pictures, unless verbose=0.
    Raises ValueError for no captions or a frequency below 1.
    """

    def __init__(
        self,
        captions: Sequence[str],
        judge: Callable[[np.ndarray, list[str]], Mapping[str, float]],
        *,
        seed: int = 0,
        frequency: int = 1,
    ) -> None:
        super().__init__()
        self.captions, self.frequency = checked_captions(captions), check_frequency(frequency)
        self.judge, self.seed = judge, seed
        self.figures: dict[str, float] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        pictures = self.model.generate(self.captions, seed=self.seed)
        self.figures = {name: float(value) for name, value in self.judge(pictures, self.captions).items()}
        shown = ", ".join(f"{name} {value:.4f}" for name, value in self.figures.items())
        publish(self.figures, f"{len(self.captions)} pictures: {shown}", epoch, logs, self.params)


class FeatureDistance(keras.callbacks.Callback):
    """The figures of generation_report on pictures of captions against real ones, every `frequency` epochs.

    real_images (N, H, W, 3) in [0, 255], whose features are made once; captions: what is drawn, best those of as many other real
    pictures. The logs get "val_frechet_distance" ("val_fid" of the 2015 Inception's features alone), "val_kernel_distance", ...: put
    the callback before those that read them. `report` is the last GenerationReport; fit prints it, with the real-against-real floor,
    unless verbose=0.
    Raises ValueError for too few captions or real pictures, or a frequency below 1.
    """

    def __init__(
        self,
        real_images: np.ndarray,
        captions: Sequence[str],
        extractor: FeatureExtractor,
        *,
        seed: int = 0,
        frequency: int = 1,
    ) -> None:
        super().__init__()
        self.captions, self.frequency = checked_captions(captions), check_frequency(frequency)
        self.extractor, self.seed = extractor, seed
        self.real_features = extractor(real_images)
        check_counts(len(self.real_features), len(self.captions))  # now rather than after the first epoch
        self.report: GenerationReport | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        features = self.extractor(self.model.generate(self.captions, seed=self.seed))
        self.report = generation_report(self.real_features, features, extractor=self.extractor.name)
        values = {figure.name: figure.value for figure in self.report.figures}
        publish(values, self.report, epoch, logs, self.params)
