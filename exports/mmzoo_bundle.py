"""What the Python clients of all runtimes share: a bundle's files, checked, and pictures and texts as the model's inputs.

Copy it beside a client. It needs numpy, Pillow for pictures and tokenizers for texts; no mmzoo, Keras or TensorFlow. The
answers are those of mmzoo.data (safe_decode, resize) and mmzoo.Tokenizer.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import io
import json
import math
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Picture = str | Path | bytes | np.ndarray
CLIENTS = {
    "onnxruntime": ("onnxruntime_client", "OnnxClient"),
    "litert": ("litert_client", "LiteRTClient"),
    "saved_model": ("saved_model_client", "SavedModelClient"),
}
MAX_PIXELS = 50_000_000  # a picture file of 48 KB can hold 1.4 GB of pixels
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")  # others start other programs


class Bundle:
    """A directory written by mmzoo.export. Nothing is read from it that its SHA256SUMS does not vouch for.

    Attributes: directory; manifest, the content of manifest.json; parts, {name: {"inputs": [...], "outputs": [...]}}.
    Raises FileNotFoundError where a file is missing, ValueError where one is damaged.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        sums = self.directory / "SHA256SUMS"
        if not sums.is_file():
            raise FileNotFoundError(
                f"{directory} must be a directory written by mmzoo.export, found no SHA256SUMS there"
            )
        header, _, lines = sums.read_text("utf-8").partition("\n")
        if not header.endswith(": " + hashlib.sha256(lines.encode()).hexdigest()):
            raise ValueError("SHA256SUMS must begin with the hash of its own lines, received a damaged one")
        self._sums = {line[66:]: line[:64] for line in lines.splitlines()}
        self.manifest: dict[str, Any] = json.loads(self.checked("manifest.json").read_bytes())
        self.parts: dict[str, Any] = self.manifest["parts"]
        self._rows: dict[str, TokenRows] = {}
        self._preprocessing: dict[str, Any] | None = None

    def checked(self, name: str) -> Path:
        """The path of a file of the bundle, after its SHA-256 has been found right; of a folder, after all its files'."""
        path = self.directory / name
        if path.is_dir():
            present = {file.relative_to(self.directory).as_posix() for file in path.rglob("*") if file.is_file()}
            for file in sorted(present | {each for each in self._sums if each.startswith(f"{name}/")}):
                self.checked(file)
            return path
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self._sums.get(name):
            raise ValueError(f"{name} must have the sha256 {self._sums.get(name)} of SHA256SUMS, found {found}")
        return path

    def artifact(self, part: str, format: str, precision: str) -> dict[str, Any]:
        """The manifest's entry of one artifact, its files checked, with "path" made a whole path.

        Raises ValueError if the bundle has none: the message lists those it has.
        """
        entries = [entry for entry in self.manifest["artifacts"] if entry["format"] == format]
        for entry in entries:
            if (entry["part"], entry["precision"]) == (part, precision):
                for name in entry.get("files", ()):
                    self.checked(name)
                return entry | {"path": str(self.checked(entry["path"]))}
        present = ", ".join(f"{entry['part']} in {entry['precision']}" for entry in entries) or "none"
        raise ValueError(f"part must be one the bundle has as {format} ({present}), received {part} in {precision}")

    def check_inputs(self, part: str, inputs: Mapping[str, np.ndarray]) -> int:
        """How many rows the inputs of a part have. Raises ValueError for other names, dtypes or shapes than it takes."""
        if part not in self.parts:
            raise ValueError(f"part must be one of {', '.join(self.parts)}, received {part!r}")
        specs = self.parts[part]["inputs"]
        if set(inputs) != {spec["name"] for spec in specs}:
            raise ValueError(f"inputs must be {[spec['name'] for spec in specs]}, received {sorted(inputs)}")
        for spec in specs:
            array, shape, dtype = inputs[spec["name"]], spec["shape"], spec["dtype"]
            if not (array.dtype.kind in "OU" if dtype == "string" else array.dtype == dtype):
                raise ValueError(f"{spec['name']} must have dtype {dtype}, received {array.dtype}")
            if array.ndim != len(shape) or any(s not in (None, n) for s, n in zip(shape, array.shape, strict=True)):
                raise ValueError(f"{spec['name']} must have shape {shape} (null: any), received {array.shape}")
        counts = {len(array) for array in inputs.values()}
        if len(counts) != 1 or 0 in counts:
            raise ValueError(f"inputs must have one number of rows, at least 1, received {sorted(counts)}")
        return counts.pop()

    def pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Paths, file contents or arrays (H, W, 3) uint8 RGB of any size -> the image input (N, height, width, 3) uint8.

        Raises ValueError for a picture that cannot be read.
        """
        if self._preprocessing is None:
            self._preprocessing = json.loads(self.checked("preprocessing.json").read_bytes())
        height, width = self._preprocessing["size"]
        rows = [resize(decode(picture), **self._preprocessing) for picture in pictures]
        return np.stack(rows) if rows else np.zeros((0, height, width, 3), np.uint8)

    def token_ids(self, texts: Sequence[str], part: str = "text") -> np.ndarray:
        """Texts -> the text input (N, T) int32 of a part. Raises ValueError if the bundle has no tokenizer.json."""
        (length,) = [spec["shape"][1] for spec in self.parts[part]["inputs"] if spec["name"] == "token_ids"]
        return self.tokenizer(part)(texts, length)

    def tokenizer(self, part: str = "") -> TokenRows:
        """The bundle's tokenizer, or a part's where that has its own. Raises ValueError if there is none."""
        name = f"{part}/tokenizer.json" if f"{part}/tokenizer.json" in self._sums else "tokenizer.json"
        if name not in self._rows:
            if name not in self._sums:
                raise ValueError("the bundle must have a tokenizer.json for texts, found none: give token ids instead")
            self._rows[name] = TokenRows(self.checked(name).read_text("utf-8"))
        return self._rows[name]


def _require_list(name: str, values: Any) -> None:
    if isinstance(values, (str, bytes, Path)):
        raise TypeError(f"{name} must be a list of {name}, received a single {type(values).__name__}")


class Client:
    """Embeddings from anything that runs the parts of a bundle; subclasses say how in run.

    tokenizer_inside: texts go as they are to the part "text_strings", which has its tokenizer in the graph.
    """

    tokenizer_inside = False

    def __init__(self, bundle: str | Path) -> None:
        self.bundle = Bundle(bundle)

    def run(self, part: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{input name: array (N, ...)} -> {output name: array (N, ...)}, as the manifest declares them."""
        raise NotImplementedError

    def embed_images(self, pictures: Sequence[Picture], *, batch_size: int = 32) -> np.ndarray:
        """N paths, file contents or arrays (H, W, 3) uint8 RGB of any size -> (N, E) float32."""
        _require_list("pictures", pictures)
        return self._embed("image", pictures, self.bundle.pictures, batch_size)

    def classify(
        self, pictures: Sequence[Picture], texts: Sequence[str] | None = None, *, batch_size: int = 32
    ) -> tuple[list[str], np.ndarray]:
        """For a bundle with the part "classifier": its C labels, and N pictures' probabilities (N, C) float32.

        texts: N of them, such as questions, where the classifier was built of both (mmzoo.build_classifier); none for one of
        mmzoo.export_classifier.
        """
        _require_list("pictures", pictures)
        labels = json.loads(self.bundle.checked("labels.json").read_bytes())["labels"]
        given: dict[str, tuple[Sequence[Any], Any]] = {"images": (pictures, self.bundle.pictures)}
        if texts is not None:
            _require_list("texts", texts)
            if len(texts) != len(pictures):
                raise ValueError(f"texts must be {len(pictures)}, one a picture, received {len(texts)}")
            given["token_ids"] = (texts, lambda some: self.bundle.token_ids(some, "classifier"))
        return labels, self._answer("classifier", given, batch_size)

    def embed_texts(self, texts: Sequence[str], *, batch_size: int = 32) -> np.ndarray:
        """N texts -> (N, E) float32."""
        _require_list("texts", texts)
        part, prepare = ("text_strings", _strings) if self.tokenizer_inside else ("text", self.bundle.token_ids)
        return self._embed(part, texts, prepare, batch_size)

    def _embed(self, part: str, values: Sequence[Any], prepare: Any, batch_size: int) -> np.ndarray:
        self._require_part(part)
        return self._answer(part, {self.bundle.parts[part]["inputs"][0]["name"]: (values, prepare)}, batch_size)

    def _require_part(self, part: str) -> None:
        if part not in self.bundle.parts:
            raise ValueError(f"the bundle must have the part {part!r}, found {', '.join(self.bundle.parts)}")

    def _answer(self, part: str, given: Mapping[str, tuple[Sequence[Any], Any]], batch_size: int) -> np.ndarray:
        """The part's first output for {input name: (values, what makes an array of some)}."""
        self._require_part(part)
        output, count = self.bundle.parts[part]["outputs"][0], len(next(iter(given.values()))[0])
        batches = [
            self.run(part, {name: make(values[start : start + batch_size]) for name, (values, make) in given.items()})[
                output["name"]
            ]
            for start in range(0, count, batch_size)
        ]
        return np.concatenate(batches) if batches else np.zeros((0, *output["shape"][1:]), output["dtype"])


def open_client(name: str, bundle: str | Path, **options: Any) -> Client:
    """One of CLIENTS, whose file lies beside this one; options: its own, such as precision. Raises ImportError where it does not."""
    module, kind = CLIENTS[name]
    try:
        kinds = importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{name} needs {module}.py beside mmzoo_bundle.py, and what it imports: {error}") from error
    client: Client = getattr(kinds, kind)(bundle, **options)
    return client


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """The bundle, and --client and --precision with which open_client opens it."""
    parser.add_argument("bundle", help="a directory written by mmzoo.export")
    parser.add_argument("--client", default="onnxruntime", choices=tuple(CLIENTS), help="what runs it")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16", "int8"))


def print_cosines(client: Any, picture: str, texts: Sequence[str]) -> None:
    """One line a text: how near the picture is to it, and the text."""
    image, rows = client.embed_images([picture])[0], client.embed_texts(texts)
    cosines = rows @ image / (np.linalg.norm(rows, axis=1) * np.linalg.norm(image))
    for cosine, text in zip(cosines, texts, strict=True):
        print(f"{cosine:+.4f}  {text}")


def argument_parser(description: str, **first: str) -> argparse.ArgumentParser:
    """The command line all clients have: what comes first, with its help, then PICTURE TEXT..."""
    parser = argparse.ArgumentParser(description=description)
    for name, purpose in first.items():
        parser.add_argument(name, help=purpose)
    parser.add_argument("picture")
    parser.add_argument("texts", nargs="+", metavar="text")
    return parser


def post_json(url: str, content: Any, timeout: float) -> Any:
    """What a server answers to a JSON body.

    Raises RuntimeError with the server's own words where it refuses, ConnectionError where none answers in time.
    """
    body = json.dumps(content).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        words = error.read(2000).decode("utf-8", "replace").strip()
        raise RuntimeError(f"{url} must accept the request, it answered {error.code}: {words}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(f"{url} must answer within {timeout:g} s, it did not: {reason}") from error


def decode(picture: Picture) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB: turned upright by its EXIF orientation, alpha on white, 16 bits scaled to 8.

    Raises ValueError for what is no picture, is damaged, has over 50 million pixels or has no fixed white (32 bits).
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"a picture must be (H, W, 3) uint8, received {picture.shape} {picture.dtype}")
        return picture
    from PIL import Image, ImageOps

    name = f"a picture of {len(picture):,} bytes" if isinstance(picture, bytes) else str(picture)
    try:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=FORMATS) as file:
            if file.width * file.height > MAX_PIXELS:
                raise ValueError(f"it has {file.width:,} x {file.height:,} pixels, more than {MAX_PIXELS:,} in all")
            if file.mode in ("I", "F"):
                raise ValueError(f"its values are of 32 bits (mode {file.mode}): make it 8 or 16 bits first")
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I;16"):
                wide = np.asarray(image)
                high = (wide >> 8).astype(np.uint8)
                high[wide == image.info.get("transparency")] = 255
                image = Image.fromarray(high)
            elif image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise ValueError(f"{name} must be a readable picture: {error}") from error


def resize(
    image: np.ndarray,
    size: Sequence[int],
    interpolation: str,
    fit: str,
    shortest_side: int | None = None,
    crop_rounding: str = "nearest",
) -> np.ndarray:
    """(H, W, 3) uint8 of any size -> (*size, 3) uint8 with Pillow's antialiased filter; arguments as in preprocessing.json.

    fit "crop" scales the shortest side (to shortest_side, or so that the picture just covers size) and keeps the centre,
    rounded as crop_rounding says; "squash" ignores the aspect ratio.
    """
    from PIL import Image

    (rows, columns), (height, width) = image.shape[:2], size
    box = (0.0, 0.0, float(columns), float(rows))
    if fit == "crop":
        least_tall, least_wide = (shortest_side or height), (shortest_side or width)
        is_wide = least_tall * columns >= least_wide * rows
        tall = least_tall if is_wide else least_wide * rows // columns
        wide = least_tall * columns // rows if is_wide else least_wide
        spare = (tall - height, wide - width)
        top, left = (side // 2 if crop_rounding == "down" else round(side / 2) for side in spare)
        x, y = columns / wide, rows / tall
        box = (left * x, top * y, (left + width) * x, (top + height) * y)  # the crop's, in the picture's own pixels
    left, top, right, bottom = box
    filter, support = Image.Resampling[interpolation.upper()], {"bicubic": 2, "bilinear": 1}[interpolation]
    # Across before down, whatever Pillow would do first: that decides what is rounded in between.
    down = _read_by_filter(top, bottom, height, support, rows)
    across = _read_by_filter(left, right, width, support, columns)
    part = Image.fromarray(image[down, across])
    narrow = part.resize((width, part.height), filter, (left - across.start, 0, right - across.start, part.height))
    return np.asarray(narrow.resize((width, height), filter, (0, top - down.start, width, bottom - down.start)))


def _read_by_filter(start: float, end: float, size: int, support: int, length: int) -> slice:
    reach = math.ceil(support * max((end - start) / size, 1)) + 1
    return slice(max(math.floor(start) - reach, 0), min(math.ceil(end) + reach, length))


class TokenRows:
    """Rows of token ids [start] body [end], then pads, from the text of a tokenizer.json; and texts from rows."""

    def __init__(self, definition: str) -> None:
        import tokenizers

        self._encoder = tokenizers.Tokenizer.from_str(definition)
        content = json.loads(self._encoder.to_str())
        self._encoder.no_padding()
        self._encoder.no_truncation()
        self._encoder.encode_special_tokens = True  # "<end>" in a text is text
        vocabulary = self._encoder.get_vocab()
        special = {token["content"]: token["id"] for token in content["added_tokens"] if token["special"]}
        pads = [i for text, i in special.items() if re.sub("[^a-z]", "", text.lower()) == "pad"]
        self._before, self._after = frame(content["post_processor"])
        if not (content["padding"] or pads or self._after):
            raise ValueError("tokenizer.json must name a pad or an end token, received one without")
        self._pad = content["padding"]["pad_id"] if content["padding"] else (pads or self._after)[-1]
        unknown = content["model"].get("unk_id", content["model"].get("unk_token"))
        unknown = vocabulary.get(unknown) if isinstance(unknown, str) else unknown
        framing = {*self._before, *self._after}
        self._hidden = {*special.values()} | framing
        self._suffix = content["model"].get("end_of_word_suffix") or ""
        self._reserved = self._hidden - ({unknown} - framing - {self._pad})
        self._longest_token = max(map(len, vocabulary))

    def __call__(self, texts: Sequence[str], length: int) -> np.ndarray:
        """N texts -> (N, length) int32. A body that is too long loses its tail and keeps the end token."""
        cut = [valid_text(text, length * self._longest_token) for text in texts]
        rows = np.full((len(cut), length), self._pad, np.int32)
        room = length - len(self._before) - len(self._after)
        for row, encoding in zip(rows, self._encoder.encode_batch_fast(cut, add_special_tokens=False), strict=True):
            body = [index for index in encoding.ids if index not in self._reserved]
            tokens = [*self._before, *body[:room], *self._after]
            row[: len(tokens)] = tokens
        return rows

    def words(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The texts of rows of ids, each without what frames it and without special tokens."""
        kept = [[int(index) for index in row if index not in self._hidden] for row in rows]
        texts = self._encoder.decode_batch(kept, skip_special_tokens=False)
        return [text.replace(self._suffix, " ").strip() for text in texts] if self._suffix else texts


def frame(post_processor: Mapping[str, Any] | None) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer.json's post-processor puts before and after a text."""
    for step in _steps(post_processor):
        if step["type"] in ("BertProcessing", "RobertaProcessing"):
            return [step["cls"][1]], [step["sep"][1]]
        if step["type"] == "TemplateProcessing":
            pieces = step["single"]
            middle = next(i for i, piece in enumerate(pieces) if "Sequence" in piece)
            names = [
                [piece["SpecialToken"]["id"] for piece in side] for side in (pieces[:middle], pieces[middle + 1 :])
            ]
            before, after = ([i for name in side for i in step["special_tokens"][name]["ids"]] for side in names)
            return before, after
    return [], []


def _steps(post_processor: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if post_processor is not None and post_processor["type"] == "Sequence":
        for step in post_processor["processors"]:
            yield from _steps(step)
    elif post_processor is not None:
        yield post_processor


def _strings(texts: Sequence[str]) -> np.ndarray:
    return np.array([valid_text(text, len(text)) for text in texts], object)


def valid_text(text: str, limit: int) -> str:
    """At most limit characters; a pair of surrogates becomes its character, a lone one and NUL become U+FFFD."""
    return text[:limit].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
