"""The README's code and the notebooks run as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_readme_code_runs_when_pasted(tmp_path):
    assert BLOCKS
    code = "\n".join(BLOCKS)
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stderr[-2000:]
    assert list(tmp_path.glob("exports/*/manifest.json"))


def test_readme_shows_ten_lines():
    lines = [line for line in BLOCKS[0].splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 10
    assert re.search(r"from mmzoo import .*build_clip", BLOCKS[0])


@pytest.mark.parametrize(
    ("benchmark", "figure", "form"),
    [
        ("photos", "zero_shot_top1", "{:.3f}"),
        ("photos", "training_images_per_second", "{:.0f}"),
        ("photos", "step_images_per_second", "{:.0f}"),
        ("quickstart", "wall_seconds", "{:.0f}"),
        ("quickstart", "digits_zero_shot_top1", "{:.3f}"),
        ("quickstart", "shapes_zero_shot_top1", "{:.3f}"),
        ("quickstart", "shapes_held_out_zero_shot_top1", "{:.3f}"),
        ("export", "seconds", "{:.0f}, verified"),
        ("export", "peak_memory", "{:.1f}"),
        ("export", "onnx_fp32_latency", "{:.0f}"),
        ("export", "onnx_int8_latency", "{:.0f}"),
        ("export", "tflite_int8_latency", "{:.0f}"),
        ("export", "onnx_int8_zero_shot_change", "{:.3f}"),
        ("export", "token_differences_byte_bpe", "{:.0f}"),
        ("pretrained", "seconds_to_first_embedding", "{:.1f}"),
        ("pretrained", "peak_memory_ratio", "{:.2f}"),
        ("pretrained", "pair_digits_zero_shot_top1", "{:.3f}"),
        ("fusion", "sentiment_second_best", "{:.3f}"),
        ("fusion", "digits_second_best", "{:.3f}"),
        ("fusion", "relation_new_gain", "{:.3f}"),
        ("captioning", "shapes_transformer_en_all_right", "{:.3f}"),
        ("captioning", "shapes_gru_en_all_right", "{:.3f}"),
        ("captioning", "shapes_transformer_en_bleu_4", "{:.1f}"),
        ("captioning", "digits_en", "{:.3f}"),
        ("decoding", "greedy_batch_1_tokens_per_second", "{:.0f}"),
        ("decoding", "greedy_batch_16_tokens_per_second", "{:.0f}"),
        ("decoding", "beam_4_batch_1_tokens_per_second", "{:.0f}"),
        ("text_to_image", "shapes_mean_all", "{:.3f}"),
        ("text_to_image", "shapes_mean_all_held_out", "{:.3f}"),
        ("text_to_image", "digits_mean_right", "{:.3f}"),
        ("text_to_image", "extra_pairs_top1", "{:.3f}"),
        ("text_to_image", "large_mean_all", "{:.3f}"),
        ("text_to_image", "relation_all", "{:.3f}"),
        ("text_to_image", "photos_right_class", "{:.3f}"),
        ("text_to_image", "photos_recall", "{:.3f}"),
        ("text_to_image", "generator_step_ms", "{:.1f}"),
        ("text_to_image", "draw_batch_64_images_per_second", "{:.0f}"),
        ("text_to_image", "draw_batch_1_images_per_second", "{:.0f}"),
        ("text_to_image", "latency_onnx_fp32_batch_1", "{:.2f}"),
        ("text_to_image", "latency_tflite_fp32_batch_1", "{:.2f}"),
        ("text_to_image", "exported_onnx_fp32_within_1_level", "{:.4f}"),
        ("pretraining", "few_labels", "{:.3f}"),
        ("pretraining", "matching_accuracy", "{:.3f}"),
        ("pretraining", "matching_relation", "{:.3f}"),
    ],
)
def test_readme_quotes_the_tracked_figures(benchmark, figure, form):
    record = json.loads((ROOT / "bench" / "results" / f"{benchmark}.json").read_text(encoding="utf-8"))
    row = f"| {form.format(record['figures'][figure])} | "
    rows = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if f"bench/{benchmark}.py" in line
    ]
    assert [line for line in rows if row in line]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
@pytest.mark.timeout(600)
def test_notebook_runs_on_the_public_api(path, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not re.search(r"mmzoo\S*\._", cell.source)
            assert cell.outputs == [], "commit notebooks without outputs"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    client = NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
