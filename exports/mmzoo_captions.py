"""Captions from the bundle of a captioner: the loop around its parts, in NumPy, for whatever client runs them.

Copy it beside mmzoo_bundle.py and a client. No mmzoo or Keras; the tokens are those of mmzoo's Captioner.generate with greedy decoding.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmzoo_bundle import Client, Picture, add_client_arguments, open_client

Run = Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class Caption(NamedTuple):
    """text: in words, "" where the bundle has no tokenizer.json. token_ids (T,) int32: start, prompt and all up to the end."""

    text: str
    token_ids: np.ndarray


class Captioner:
    """Writes captions, or answers to questions, with a client whose bundle has the parts encoder, prefill and decode_step.

    client: such as OnnxClient("exports/my-captioner", precision="int8"). Any number of threads may use one, where they may use the client.
    Raises ValueError for the bundle of another model.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.bundle = client, client.bundle
        self.writing: dict[str, Any] = self.bundle.parts.get("decode_step", {}).get("writing")
        if self.writing is None:
            parts = ", ".join(self.bundle.parts)
            raise ValueError(
                f"the bundle must be of a captioner, with how its decode_step writes, found the parts {parts}"
            )

    def write(
        self,
        pictures: Sequence[Picture],
        texts: Sequence[str] | np.ndarray | None = None,
        *,
        prompt: str | Sequence[str] = "",
        language: str | None = None,
        max_tokens: int | None = None,
        batch_size: int = 16,
    ) -> list[Caption]:
        """N paths, file contents or arrays (H, W, 3) uint8 RGB of any size -> N captions.

        texts: N strings or their token ids (N, T) int32, such as questions, where the captioner reads them. prompt: what each
        caption begins with, one for all or one each; language: a tag to stand before it. max_tokens: the most that are written
        after the prompt, the end included; default what there is room for.
        """
        count = len(pictures)
        prompts = self._prompts([prompt] * count if isinstance(prompt, str) else list(prompt), count, language)
        room = self.writing["context_length"] - max(map(len, prompts), default=1)
        most = room if max_tokens is None else max_tokens
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}")
        if not isinstance(most, (int, np.integer)) or not 0 <= most <= room:
            raise ValueError(f"max_tokens must be from 0 to {room}, what there is room for, received {max_tokens}")
        reads = "token_ids" in [spec["name"] for spec in self.bundle.parts["encoder"]["inputs"]]
        if reads is (texts is None) or (texts is not None and (isinstance(texts, str) or len(texts) != count)):
            wanted = f"{count}, one a picture" if reads else "None: this captioner reads none"
            raise ValueError(f"texts must be {wanted}, received {texts if texts is None else len(texts)}")
        rows: list[np.ndarray] = []
        for start in range(0, count, batch_size):
            some = slice(start, start + batch_size)
            inputs = {"images": self.bundle.pictures(pictures[some])}
            if texts is not None:
                ids = texts[some]
                inputs["token_ids"] = ids if isinstance(ids, np.ndarray) else self.bundle.token_ids(ids, "encoder")
            rows += greedy(self.client.run, inputs, prompts[some], self.writing, most)
        has_words = (self.bundle.directory / "tokenizer.json").exists()
        words = self.bundle.tokenizer().words(rows) if has_words else [""] * count
        return [Caption(text, row) for text, row in zip(words, rows, strict=True)]

    def _prompts(self, prompts: Sequence[str], count: int, language: str | None) -> list[list[int]]:
        """What each caption begins with: the start, the language's tag, the prompt's own tokens."""
        if len(prompts) != count:
            raise ValueError(f"prompt must be one text, or one for each of {count} pictures, received {len(prompts)}")
        start, end, length = (self.writing[name] for name in ("start_id", "end_id", "context_length"))
        first, tags = [start], self.writing["language_ids"]
        if language is not None:
            if language not in tags:
                raise ValueError(f"language must be one of {sorted(tags)}, received {language!r}")
            first = [start, tags[language]]
        rows = [first] * count
        if any(prompts):
            found = self.bundle.tokenizer()(prompts, length + 2).tolist()
            rows = [[*first, *row[1 : row.index(end, 1)]] for row in found]  # a start may be an end, too
        if max(map(len, rows), default=1) > length:
            raise ValueError(f"prompt must be at most {length} tokens with the start, received a longer one")
        return rows


def greedy(
    run: Run, inputs: Mapping[str, np.ndarray], prompts: Sequence[Sequence[int]], writing: Mapping[str, Any], most: int
) -> list[np.ndarray]:
    """The likeliest token each time, until every text has ended: B texts (T,) int32, each from its prompt up to its end.

    run: {input name: array (B, ...)} through a part, by name. inputs: the encoder's. prompts: the start and what follows it, in ids.
    writing: the manifest's words on decode_step. most: the most tokens after a prompt.
    """
    texts, lengths = [list(prompt) for prompt in prompts], [len(prompt) for prompt in prompts]
    token = np.full((len(texts), 1), writing["start_id"], np.int32)
    caches = run("prefill", run("encoder", inputs) | {"token_ids": token})
    goes_on = np.full(len(texts), most > 0)
    for place in range(1, max(lengths) + most):
        if not goes_on.any():
            break
        logits = np.array(caches.pop("logits"))
        logits[:, writing["unwritten_ids"]] = -np.inf
        chosen = logits.argmax(1)
        for row, text in enumerate(texts):
            if goes_on[row] and place >= lengths[row]:
                text.append(int(chosen[row]))
                goes_on[row] = text[-1] != writing["end_id"] and len(text) < lengths[row] + most
            token[row] = text[min(place, len(text) - 1)]
        if goes_on.any():
            position = np.full(len(texts), place, np.int32)
            found = run("decode_step", caches | {"token_ids": token, "position": position})
            caches |= {name.removeprefix("next_"): array for name, array in found.items()}
    return [np.array(text, np.int32) for text in texts]


def main() -> None:
    """Prints a line a picture; what cannot be is one sentence on standard error, and exit status 1."""
    parser = argparse.ArgumentParser(description="Captions of pictures, or answers to a question about them.")
    add_client_arguments(parser)
    parser.add_argument("pictures", nargs="+", metavar="picture")
    parser.add_argument("--question", help="for a captioner that reads one")
    parser.add_argument("--prompt", default="", help="what each caption begins with")
    parser.add_argument("--language", help="of a captioner with several")
    parser.add_argument("--max-tokens", type=int)
    given = parser.parse_args()
    questions = None if given.question is None else [given.question] * len(given.pictures)
    options = {"prompt": given.prompt, "language": given.language, "max_tokens": given.max_tokens}
    try:
        captioner = Captioner(open_client(given.client, given.bundle, precision=given.precision))
        captions = captioner.write(given.pictures, questions, **options)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"mmzoo_captions: {error}")
    for path, caption in zip(given.pictures, captions, strict=True):
        print(f"{path}  {caption.text or caption.token_ids.tolist()}")


if __name__ == "__main__":
    main()
