"""What may come in as a text, made into valid Unicode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Tagged(str):
    """A text that says its language, such as "en": a Tokenizer that has a tag for it puts that before the text."""

    language: str

    def __new__(cls, text: str, language: str) -> Tagged:
        tagged = super().__new__(cls, text)
        tagged.language = language
        return tagged

    def __reduce__(self) -> tuple[type[Tagged], tuple[str, str]]:
        return type(self), (str(self), self.language)


def as_texts(texts: Iterable[str | bytes], limit: int | None = None) -> Iterator[str]:
    """Strings of at most limit characters; invalid UTF-8, lone surrogates and NUL become U+FFFD.

    NUL, because tokenizers inside graphs end a string there: KerasHub's loses what follows it.

    Raises: TypeError if texts is one text, or holds anything but str and bytes (None and nan have no tokens).
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts must be a list of texts, received a single {type(texts).__name__}")
    for index, text in enumerate(texts):
        if isinstance(text, bytes):
            head = text if limit is None else text[: 4 * limit]  # a character has at most four bytes
            valid = head.decode("utf-8", "replace")[:limit]
        elif isinstance(text, str):
            # Only UTF-16 tells a pair of surrogates, which is one character, from a lone one.
            valid = text[:limit].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        else:
            raise TypeError(f"texts must be str or bytes, received {text!r:.40} at index {index}")
        yield valid.replace("\0", "\ufffd")
