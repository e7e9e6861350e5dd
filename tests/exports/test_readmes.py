"""The commands and the code of the clients' READMEs run as they stand, in a folder with bundles in exports/ and cat.png."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

EXPORTS = Path(__file__).parents[2] / "exports"


@pytest.fixture
def folder(tmp_path, bundle, pictures):
    for source in (*EXPORTS.glob("mmzoo_*.py"), *EXPORTS.glob("*/*_client.py")):
        target = tmp_path / "exports" / source.relative_to(EXPORTS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    (tmp_path / "exports/my-clip").symlink_to(bundle)
    shutil.copy(pictures[0], tmp_path / "cat.png")
    return tmp_path


def run(command, folder):
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    result = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.mark.parametrize("name", ["onnxruntime", "litert", "saved_model", "tf_serving", "triton"])
def test_readme_runs(name, folder, bundle, serve, tf_serving_answer, triton_answer):
    text = (EXPORTS / name / "README.md").read_text("utf-8")
    servers = {
        "tf_serving": ("http://localhost:8501", lambda: tf_serving_answer(bundle / "saved_model_raw/1")),
        "triton": ("http://localhost:8000", lambda: triton_answer(bundle / "triton")),
    }
    with ExitStack() as running:
        if name in servers:
            documented, answer = servers[name]
            url = running.enter_context(serve(answer()))
            assert documented in text
            text = text.replace(documented, url)
        blocks = re.findall(r"```(bash|python)\n(.*?)```", text, re.DOTALL)
        assert [kind for kind, _ in blocks] == ["bash", "python"]
        printed = run(["bash", "-ec", blocks[0][1]], folder)
        assert re.search(r"^[+-][01]\.\d{4}  a photo of a cat$", printed, re.MULTILINE)
        assert run([sys.executable, "-c", blocks[1][1]], folder)


def blocks_of_section(title):
    (section,) = re.findall(
        rf"^## {title}\n(.*?)(?=^## |\Z)", (EXPORTS / "README.md").read_text("utf-8"), re.DOTALL | re.M
    )
    blocks = re.findall(r"```(bash|python)\n(.*?)```", section, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["bash", "python"]
    return ["bash", "-ec", blocks[0][1]], [sys.executable, "-c", blocks[1][1]]


def test_captions_are_written(folder, captioner_bundle):
    (folder / "exports/my-captioner").symlink_to(captioner_bundle)
    for command in blocks_of_section("Captions"):
        assert "cat.png  a " in run(command, folder)


def test_pictures_are_drawn(folder, painter_bundle):
    (folder / "exports/my-painter").symlink_to(painter_bundle)
    commands, code = blocks_of_section("Pictures")
    assert "pictures/003.png  a large red circle on blue" in run(commands, folder)
    assert (folder / "000.png").exists()
    assert run(code, folder) == "(2, 32, 32, 3) uint8\n"


def test_every_client_is_listed():
    listed = set(re.findall(r"^\| \[(\w+)\]", (EXPORTS / "README.md").read_text("utf-8"), re.MULTILINE))
    assert listed == {
        path.parent.name for path in EXPORTS.glob("*/README.md") if not (path.parent / "manifest.json").exists()
    }
