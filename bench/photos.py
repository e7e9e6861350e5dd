"""Trains a small CLIP on a folder of real photographs for ten minutes and measures zero-shot accuracy on photographs it never saw.

    python bench/photos.py --data FOLDER --check --json bench/results/photos.json

FOLDER holds WebDataset shards train-*.tar and test-*.tar, KEY.jpg beside KEY.txt (the class name), and classes.txt. The peer for
accuracy is scikit-learn's logistic regression on the pixels of the same photographs; for images per second, plain Keras training the
same convolutional network as a classifier, in turns with ours. Without --data, --check judges the tracked result.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from report import RESULTS, Row, finish, parser, tracked

BATCH, WIDTHS, PEAK_RATE = 128, (48, 96, 192), 2e-3
CAPTIONS = (
    "a photo of a {}",
    "a picture of a {}",
    "a blurry photo of the {}",
    "a close-up of a {}",
    "one {} outdoors",
    "{}",
)


def main() -> int:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, help="the folder of photographs")
    options.add_argument("--minutes", type=float, default=10.0, help="length of the training")
    options.add_argument("--save", type=Path, help="keep the trained model in this .keras file")
    arguments = options.parse_args()
    if arguments.data is None:
        return finish("photos", tracked(RESULTS / "photos.json"), arguments)
    rows, details = measure(arguments)
    return finish("photos", rows, arguments, **details)


def measure(arguments) -> tuple[list[Row], dict]:
    import keras
    import numpy as np

    from mmzoo import Tokenizer, build_clip, build_convnet, build_text_transformer, data
    from mmzoo.metrics import label_embeddings, zero_shot_accuracy

    keras.utils.set_random_seed(arguments.seed)
    names = [line.strip() for line in (arguments.data / "classes.txt").read_text().splitlines() if line.strip()]
    train, test = (
        data.folder(arguments.data, pattern=pattern, class_names=names, labels_from_captions=True, templates=CAPTIONS)
        for pattern in ("train-*.tar", "test-*.tar")
    )
    tokenizer = Tokenizer.train(train.all_captions(), 512)
    model = build_clip(
        image_encoder=build_convnet(image_size=32, widths=WIDTHS, blocks=1, dropout=0.1),
        text_encoder=build_text_transformer(
            vocab_size=tokenizer.vocab_size,
            context_length=16,
            width=64,
            depth=2,
            num_heads=4,
            activation="gelu_tanh",
            end_id=tokenizer.end_id,
        ),
        embed_dim=64,
        tokenizer=tokenizer,
    )
    train_arrays, test_arrays = train.arrays(model), test.arrays(model)
    train = data.Pairs(train_arrays["images"], train.captions, train.labels, train.label_names)
    ours_rate, peer_rate = rates(model, train_arrays, train.labels)

    model.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.02))
    dataset = train.dataset(model, BATCH, augment=data.Augment(crop=(0.6, 1.0), flip=True), seed=arguments.seed)
    clock = Clock(60 * arguments.minutes)
    started = time.perf_counter()
    history = model.fit(dataset, epochs=10_000, verbose=2, callbacks=[clock])
    seconds = time.perf_counter() - started

    classes = label_embeddings(model.encode_text, [name.replace("_", " ") for name in names], CAPTIONS)
    report = zero_shot_accuracy(model.encode_image(test_arrays["images"]), classes, test.labels)
    if arguments.save:
        model.save(arguments.save)
    baseline = logistic_regression(train_arrays["images"], train.labels, test_arrays["images"], test.labels)
    accuracy = report.figures[0]
    rows = [
        Row("zero_shot_top1", accuracy.value, baseline, "logistic regression on pixels"),
        Row("chance", accuracy.chance),
        Row("training_images_per_second", clock.seen / seconds, unit="images/s, input pipeline included"),
        Row("step_images_per_second", ours_rate, peer_rate, "plain Keras classifier, same network", "images/s"),
        Row("speed_ratio", ours_rate / peer_rate),
    ]
    details = {
        "minutes": seconds / 60,
        "epochs": len(history.history["loss"]),
        "train_images": len(train),
        "test_images": len(test),
        "parameters": model.count_params(),
        "per_class": dict(zip(names, np.round(report.per_class, 4).tolist(), strict=True)),
    }
    return rows, details


def Clock(budget: float):
    """A callback that stops at the budget of seconds, with a learning rate that warms up and falls to nothing by then."""
    import keras

    class _Clock(keras.callbacks.Callback):
        seen = 0
        began = None

        def on_train_batch_begin(self, batch, logs=None):
            self.began = self.began or time.perf_counter()
            done = min((time.perf_counter() - self.began) / budget, 1.0)
            self.model.optimizer.learning_rate = PEAK_RATE * min(
                done / 0.05 + 0.01, 0.5 * (1 + math.cos(math.pi * done))
            )

        def on_train_batch_end(self, batch, logs=None):
            self.seen += BATCH
            if time.perf_counter() - self.began >= budget:
                self.model.stop_training = True

    return _Clock()


def rates(model, arrays, labels) -> tuple[float, float]:
    """Median images per second of a training step, ours and the peer's, taken in turns."""
    import keras
    import numpy as np

    encoder = keras.models.clone_model(model.image_encoder)
    images = keras.Input((*model.image_size, 3), name="images")
    logits = keras.layers.Dense(int(labels.max()) + 1)(encoder({"images": images})["pooled"])
    classifier = keras.Model(images, logits)
    classifier.compile("adamw", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    twin = type(model).from_config(model.get_config())
    twin.compile("adamw")
    batch = {name: value[:BATCH] for name, value in arrays.items()}
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for step in range(23):
        for name, call in (
            ("ours", lambda: twin.train_on_batch(batch)),
            ("peer", lambda: classifier.train_on_batch(batch["images"].astype(np.float32), labels[:BATCH])),
        ):
            started = time.perf_counter()
            call()
            if step >= 3:
                times[name].append(time.perf_counter() - started)
    return BATCH / statistics.median(times["ours"]), BATCH / statistics.median(times["peer"])


def logistic_regression(train_images, train_labels, test_images, test_labels) -> float:
    """Accuracy of scikit-learn's logistic regression on the pixels."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    flat = [images.reshape(len(images), -1).astype("float32") / 255 for images in (train_images, test_images)]
    model = make_pipeline(PCA(128, random_state=0), LogisticRegression(max_iter=300))
    return float(model.fit(flat[0], train_labels).score(flat[1], test_labels))


if __name__ == "__main__":
    sys.exit(main())
