"""The words of each language for what the vocabulary names."""

from __future__ import annotations

from collections.abc import Sequence

LANGUAGES: tuple[str, ...] = ("en", "zh")

CHINESE: dict[str, str] = {
    "circle": "圆形",
    "square": "正方形",
    "triangle": "三角形",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "cyan": "青色",
    "purple": "紫色",
    "black": "黑色",
    "white": "白色",
    "gray": "灰色",
    "blue": "蓝色",
    "small": "小",
    "large": "大",
    "left of": "左边",
    "right of": "右边",
    "above": "上方",
    "below": "下方",
}
"""Vocabulary word to its Chinese; the English is the vocabulary word itself."""

SYNONYMS: dict[str, dict[str, str]] = {
    "en": {"small": "little", "large": "big", "left of": "to the left of", "right of": "to the right of"},
    "zh": {
        "circle": "圆",
        "square": "方块",
        "triangle": "三角",
        "left of": "左侧",
        "right of": "右侧",
        "above": "上面",
        "below": "下面",
    },
}
"""Vocabulary word to a second way to say it, where there is one."""


def word(name: str, language: str, *, synonym: bool = False) -> str:
    """The word of a language for a vocabulary word, or its synonym if it has one."""
    first = CHINESE[name] if language == "zh" else name
    return SYNONYMS[language].get(name, first) if synonym else first


def require_language(language: str) -> None:
    """Raises: ValueError if nothing can be said in the language."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, received {language!r}")


def check_languages(languages: Sequence[str]) -> None:
    """Raises: ValueError for no languages, one that is twice there, or one in which nothing can be said."""
    if isinstance(languages, str) or not languages or len(set(languages)) < len(languages):
        raise ValueError(f"languages must be different ones of {', '.join(LANGUAGES)}, received {languages!r}")
    for language in languages:
        require_language(language)


def is_chinese(text: str) -> bool:
    """Whether a text has a Chinese character."""
    return any("\u4e00" <= each <= "\u9fff" for each in text)
