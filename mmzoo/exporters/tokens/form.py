"""What an in-graph form of a tokenizer needs, and what it cannot follow."""

from __future__ import annotations

from dataclasses import dataclass

from mmzoo.exporters.tokens.classes import StringClass


@dataclass(frozen=True)
class StringsForm:
    """A written form of a tokenizer.

    input: the name of its string input.
    needs: packages a loader must have besides the runtime.
    cannot_follow: classes of strings whose ids differ for a reason that lies in the runtime; the manifest names them,
        and the comparison counts them apart.
    """

    input: str
    needs: tuple[str, ...]
    cannot_follow: tuple[StringClass, ...] = ()

    @property
    def differs_on(self) -> tuple[str, ...]:
        """The names of those classes, for the manifest."""
        return tuple(each.name for each in self.cannot_follow)
