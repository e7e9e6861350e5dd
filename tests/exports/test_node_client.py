"""The Node client answers as the Keras model does. Runs where node is and npm can install its three packages."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mmzoo import Tokenizer
from mmzoo.data import resize, safe_decode
from mmzoo.presets import ImagePreprocessing

EXPORTS = Path(__file__).parents[2] / "exports"
TEXTS = [
    "",
    "a red circle",
    "CAFÉ ß ﬁ 3.14",
    "красный العربية 数字七 🎉🏽",
    "a <end> b<pad>",
    "\x85\u3000 \ufeff\t\n x  ",
    "long " * 90,
]


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """A copy of exports/node with its packages."""
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node") / "app"
    shutil.copytree(EXPORTS / "node", folder, ignore=shutil.ignore_patterns("node_modules", "package-lock.json"))
    options = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--fetch-retries=0",
        "--fetch-timeout=20000",
    ]
    try:
        result = subprocess.run(["npm", "install", *options], cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("npm install took more than 120 s")
    if result.returncode:
        reason = next((line for line in result.stderr.splitlines() if line.startswith("npm error")), "no reason given")
        pytest.skip(f"npm cannot install the client's packages: {reason}")
    yield folder
    shutil.rmtree(folder / "node_modules")


def node(app, *arguments, code=None):
    command = ["node", *(("--input-type=module", "-e", code) if code else ()), *map(str, arguments)]
    return subprocess.run(command, cwd=app, capture_output=True, text=True, timeout=120)


def evaluate(app, code, *arguments):
    """What the code assigns to `answer`; arguments are in process.argv from 1 on."""
    result = node(app, *arguments, code=f"let answer;\n{code}\nconsole.log(JSON.stringify(answer));")
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


RUN_RAW = """
import { readFileSync } from "node:fs";
import { Tensor } from "onnxruntime-node";
import { OnnxClient } from "./client.mjs";
const [, directory, jobs] = process.argv;
const client = await OnnxClient.open(directory);
answer = {};
for (const { part, input, output, dtype, dims, path } of JSON.parse(jobs)) {
  const { buffer } = new Uint8Array(readFileSync(path));
  const data = dtype === "uint8" ? new Uint8Array(buffer) : new Int32Array(buffer);
  const { data: values } = (await client.run(part, { [input]: new Tensor(dtype, data, dims) }))[output];
  answer[part] = Array.from(values);
}
"""


def test_golden_samples_give_the_golden_answers(app, bundle, tmp_path):
    jobs, samples = [], np.load(bundle / "samples.npz")
    for part, name, output in (("image", "images", "image_embeds"), ("text", "token_ids", "text_embeds")):
        array = samples[f"{part}/inputs/{name}"]
        (tmp_path / part).write_bytes(array.tobytes())
        description = {"dtype": array.dtype.name, "dims": array.shape, "path": str(tmp_path / part)}
        jobs.append({"part": part, "input": name, "output": output, **description})
    answers = evaluate(app, RUN_RAW, bundle, json.dumps(jobs))
    for job in jobs:
        golden = samples[f"{job['part']}/outputs/{job['output']}"]
        assert np.abs(np.reshape(answers[job["part"]], golden.shape) - golden).max() < 1e-5


def test_pictures_have_the_pixels_of_mmzoo_data(app, pictures, tmp_path):
    from PIL import Image

    generator = np.random.default_rng(9)
    alpha, palette = tmp_path / "alpha.png", tmp_path / "palette.png"
    Image.fromarray(generator.integers(0, 256, (37, 52, 4)).astype("uint8")).save(alpha)
    Image.open(pictures[0]).convert("P").save(palette, transparency=2)
    strip = tmp_path / "strip.png"
    Image.fromarray(generator.integers(0, 256, (700, 3, 3)).astype("uint8")).save(strip)
    paths = [*pictures, alpha, palette, strip]
    choices = [
        {"size": size, "interpolation": interpolation, **fit}
        for size in ((32, 32), (24, 61))
        for interpolation in ("bicubic", "bilinear")
        for fit in (
            {"fit": "crop"},  # a file from before shortest_side and crop_rounding
            {"fit": "squash"},
            {"fit": "crop", "shortest_side": None, "crop_rounding": "down"},
            {"fit": "crop", "shortest_side": 61, "crop_rounding": "nearest"},
            {"fit": "crop", "shortest_side": 68, "crop_rounding": "down"},
        )
    ]
    code = """
import { readFileSync } from "node:fs";
import { readPng, resize } from "./pictures.mjs";
const [, paths, choices] = process.argv.map((text, index) => (index ? JSON.parse(text) : text));
answer = paths.map((path) => choices.map((choice) => Array.from(resize(readPng(readFileSync(path)), choice))));
"""
    answers = evaluate(app, code, json.dumps(list(map(str, paths))), json.dumps(choices))
    for path, rows in zip(paths, answers, strict=True):
        for choice, pixels in zip(choices, rows, strict=True):
            expected = resize(safe_decode(path), ImagePreprocessing(**choice))
            assert np.array_equal(np.reshape(pixels, expected.shape), expected)


def test_texts_have_the_ids_of_the_tokenizer(app, tmp_path):
    from mmzoo.exporters.tokens import fuzz_corpus

    texts = [*TEXTS, *fuzz_corpus(1000)]
    tokenizer = Tokenizer.train(texts, 600)
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    tokenizer.save(tmp_path / "tokenizer.json")
    code = """
import { readFileSync } from "node:fs";
import { TokenRows } from "./texts.mjs";
const [definition, texts] = process.argv.slice(1).map((path) => JSON.parse(readFileSync(path, "utf8")));
const rows = new TokenRows(definition);
answer = texts.map((text) => rows.row(text, 24));
"""
    rows = evaluate(app, code, tmp_path / "tokenizer.json", tmp_path / "texts.json")
    assert np.array_equal(rows, tokenizer(texts, 24))


def test_a_tokenizer_that_javascript_does_not_follow_is_refused(app, tmp_path):
    Tokenizer.train(["a red circle"], 100, kind="wordpiece").save(tmp_path / "tokenizer.json")
    code = """
import { readFileSync } from "node:fs";
import { TokenRows } from "./texts.mjs";
try { new TokenRows(JSON.parse(readFileSync(process.argv[1], "utf8"))); } catch (error) { answer = error.message; }
"""
    message = evaluate(app, code, tmp_path / "tokenizer.json")
    assert message == "tokenizer.json must be plain byte-level BPE for texts, received WordPiece: give token ids to run"


def test_ten_thousand_tagged_requests_are_not_crossed(app, tagged):
    code = """
import { Tensor } from "onnxruntime-node";
import { OnnxClient } from "./client.mjs";
const client = await OnnxClient.open(process.argv[1], { threads: 1 });
let next = 0;
answer = { asked: 0, crossed: 0 };
await Promise.all(Array.from({ length: 8 }, async () => {
  while (next < 10000) {
    const tag = next++;
    const x = Float32Array.from({ length: (1 + (tag % 3)) * 16 }, (_, index) => tag + index / 4);
    const { y } = await client.run("model", { x: new Tensor("float32", x, [x.length / 16, 16]) });
    answer.asked += 1;
    if (y.data.length !== x.length || !y.data.every((value, index) => value === 4 * x[index] + 3)) answer.crossed += 1;
  }
}));
"""
    assert evaluate(app, code, tagged) == {"asked": 10_000, "crossed": 0}


def test_a_damaged_file_is_refused(app, bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    content = bytearray((copy / "text/model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "text/model.onnx").write_bytes(content)
    code = (
        'import { OnnxClient } from "./client.mjs";\nawait (await OnnxClient.open(process.argv[1])).embedTexts(["a"]);'
    )
    result = node(app, copy, code=code)
    assert result.returncode == 1
    assert "text/model.onnx must have the sha256" in result.stderr


def test_readme_runs(app, bundle, clip, pictures, tmp_path):
    blocks = dict(re.findall(r"```(bash|js)\n(.*?)```", (EXPORTS / "node/README.md").read_text("utf-8"), re.DOTALL))
    shutil.copytree(app, tmp_path / "exports/node", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "exports/node/node_modules").symlink_to(app / "node_modules")
    (tmp_path / "exports/my-clip").symlink_to(bundle)
    shutil.copy(pictures[0], tmp_path / "cat.png")
    install = "npm install --ignore-scripts\n"  # the fixture has done it
    assert install in blocks["bash"]
    installed = blocks["bash"].replace(install, "")
    result = subprocess.run(["bash", "-ec", installed], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    texts = ["a photo of a cat", "a photo of a dog"]
    expected = clip.similarity(resize(safe_decode(pictures[0]), clip.image_preprocessing)[None], texts)[0]
    lines = [line.split("  ", 1) for line in result.stdout.splitlines()]
    assert [text for _, text in lines] == texts
    assert np.allclose([float(cosine) for cosine, _ in lines], expected, atol=1e-3)
    assert node(tmp_path / "my-app", code=blocks["js"]).returncode == 0
