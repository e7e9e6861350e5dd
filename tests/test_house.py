"""The house rules of the design, read from the source: rooms import upwards only, and heavy packages stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmzoo

ROOT = Path(mmzoo.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A room imports only from rooms before it.
ORDER = (
    "signature",
    "atomic",
    "checksums",
    "presets",
    "losses",
    "layers",
    "tokenizer",
    "encoders",
    "fusion",
    "decoders",
    "decoding",
    "training",
    "models",
    "metrics",
    "data",
    "loading",
    "pretrained",
    "bundle",
    "exporters",
    "plots",
    "attention_maps",
    "cli",
)
TAKES_ANY_MODEL = ("training", "metrics", "bundle", "exporters")
MAY_USE_TENSORFLOW = ("data", "training", "bundle", "exporters")
MAY_USE_KERAS_HUB = ("encoders/hub.py", "loading.py")
MAY_USE_JAX = ("training/gradients.py",)
WITHOUT_KERAS = ("signature", "atomic", "checksums", "presets", "tokenizer", "data", "bundle", "plots")
HEAVY = ("keras", "tensorflow", "keras_hub", "tensorflow_text", "torch", "jax")


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path, *, top_level_only=False):
    """Full names of what a file imports, type-checking imports left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ignored = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if id(node) in ignored:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "mmzoo")


def test_every_room_has_its_place():
    assert {room(path) for path in FILES} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_keeps_the_house_rules(path):
    here = room(path)
    top_level, everywhere = set(imports(path, top_level_only=True)), set(imports(path))
    if here != "__init__":
        others = {name.split(".")[1] for name in everywhere if name.startswith("mmzoo.")} & set(ORDER)
        assert {other for other in others if ORDER.index(other) > ORDER.index(here)} == set()
        if here in TAKES_ANY_MODEL:
            assert "models" not in others
    packages = {name.split(".")[0] for name in everywhere}
    assert packages & {"tensorflow_text", "torch"} == set()
    if "jax" in packages:
        assert path.relative_to(ROOT).as_posix() in MAY_USE_JAX
        assert "jax" not in {name.split(".")[0] for name in top_level}
    if "keras_hub" in packages:
        assert path.relative_to(ROOT).as_posix() in MAY_USE_KERAS_HUB
        assert "keras_hub" not in {name.split(".")[0] for name in top_level}
    if "tensorflow" in packages:
        assert here in MAY_USE_TENSORFLOW
        in_exporters = here == "exporters"
        assert in_exporters or "tensorflow" not in {name.split(".")[0] for name in top_level}
    if here in WITHOUT_KERAS:
        assert "keras" not in packages
    assert path.name not in ("utils.py", "common.py", "helpers.py")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 320


def test_importing_mmzoo_is_quick_and_light():
    code = f"import sys, mmzoo; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    times = []
    for _ in range(3):
        result = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == "[]"
        last = next(line for line in result.stderr.splitlines() if line.split("|")[-1].strip() == "mmzoo")
        times.append(int(last.split("|")[1]) / 1e6)
    assert min(times) < 0.3


def test_public_names_resolve():
    for name in mmzoo.__all__:
        assert getattr(mmzoo, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mmzoo.nothing
