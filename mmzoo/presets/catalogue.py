"""Every preset by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from mmzoo.presets.clip import CLIP_PRESETS, ClipPreset
from mmzoo.presets.encoders import IMAGE_PRESETS, TEXT_PRESETS, ImagePreset, TextPreset
from mmzoo.presets.parameters import count_parameters, pooled_size
from mmzoo.presets.sizes import height_and_width


@dataclass(frozen=True)
class PresetRow:
    """One preset.

    kind: "clip", "image" or "text". parameters: trainable ones. image_size: (height, width) in pixels; text_length: token ids of
    a text; each None where there is no such side. embed_dim: numbers of an embedding, or of an encoder's pooled output.
    paper: where the sizes stand; empty where they are mmzoo's own.
    """

    name: str
    kind: str
    parameters: int
    image_size: tuple[int, int] | None
    text_length: int | None
    embed_dim: int
    paper: str


def list_presets() -> list[PresetRow]:
    """All presets: CLIPs, which build_clip takes, then image and text encoders, which it takes for a side. Loads no Keras."""
    return [_row(name, preset) for name, preset in (CLIP_PRESETS | IMAGE_PRESETS | TEXT_PRESETS).items()]


def find_preset(name: str) -> ClipPreset | ImagePreset | TextPreset:
    """The preset of that name. Raises ValueError with the names near to it where there is none."""
    presets = CLIP_PRESETS | IMAGE_PRESETS | TEXT_PRESETS
    if name not in presets:
        raise _unknown("preset", name, presets)
    return presets[name]


def clip_preset(name: str) -> ClipPreset:
    """The CLIP of that name. Raises ValueError where there is none."""
    if name not in CLIP_PRESETS:
        raise _unknown("preset", name, CLIP_PRESETS)
    return CLIP_PRESETS[name]


def image_preset(name: str) -> ImagePreset:
    """The image encoder of that name, or a CLIP's image side. Raises ValueError where there is none."""
    presets = IMAGE_PRESETS | {clip: preset.image_preset for clip, preset in CLIP_PRESETS.items()}
    if name not in presets:
        raise _unknown("image_encoder", name, presets)
    return presets[name]


def text_preset(name: str) -> TextPreset:
    """The text encoder of that name, or a CLIP's text side. Raises ValueError where there is none."""
    presets = TEXT_PRESETS | {clip: preset.text_preset for clip, preset in CLIP_PRESETS.items()}
    if name not in presets:
        raise _unknown("text_encoder", name, presets)
    return presets[name]


def near_names(name: str, names: Iterable[str]) -> str:
    """ ", did you mean ...?" with the names near to one that is not among them; empty where none is."""
    near = difflib.get_close_matches(name.lower().replace("-", "_").replace("/", "_"), list(names), n=3)
    return f": did you mean {' or '.join(near)}?" if near else ""


def _unknown(argument: str, name: str, names: Iterable[str]) -> ValueError:
    names = list(names)
    shown = f"{', '.join(names[:3])} ... ({len(names)} names, see mmzoo list)"
    return ValueError(f"{argument} must be one of {shown}, received {name!r}{near_names(name, names)}")


def _row(name: str, preset: ClipPreset | ImagePreset | TextPreset) -> PresetRow:
    if isinstance(preset, ClipPreset):
        size, length = height_and_width(preset.image), preset.text.context_length
        return PresetRow(name, "clip", count_parameters(preset), size, length, preset.embed_dim, preset.paper)
    parameters, embed_dim = count_parameters(preset.sizes), pooled_size(preset.sizes)
    if isinstance(preset, ImagePreset):
        size = height_and_width(preset.sizes)
        return PresetRow(name, "image", parameters, size, None, embed_dim, preset.paper)
    return PresetRow(name, "text", parameters, None, preset.sizes.context_length, embed_dim, preset.paper)
