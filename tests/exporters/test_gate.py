import numpy as np
import pytest

from mmzoo.bundle import PartEntry
from mmzoo.bundle.parity import Parity
from mmzoo.exporters.gate import Gate, GateError, Limits, check_gate, evaluate
from mmzoo.metrics import Evaluation, retrieval_evaluation
from mmzoo.signature import TensorSpec

IMAGE = PartEntry(
    "image",
    (TensorSpec("images", (None, 1, 1, 4), "uint8", (0, 255)),),
    (TensorSpec("image_embeds", (None, 4), "float32"), TensorSpec("sequence", (None, 9, 4), "float32")),
)
TEXT = PartEntry(
    "text", (TensorSpec("token_ids", (None, 4), "int32"),), (TensorSpec("text_embeds", (None, 4), "float32"),)
)
PARTS = {"image": IMAGE, "text": TEXT}


def run_image(inputs):
    images = inputs["images"]
    assert images.dtype == "uint8"
    return {"image_embeds": images[:, 0, 0].astype("float32"), "sequence": np.zeros((len(images), 9, 4))}


def run_text(inputs):
    return {"text_embeds": inputs["token_ids"].astype("float32")}


def pairs(count=4):
    rows = np.random.default_rng(0).integers(0, 256, (count, 4))
    return retrieval_evaluation(rows[:, None, None, :].astype("float32"), rows)


def parity(cosine):
    return Parity(0.1, cosine, 0.1)


def test_figures_come_from_all_rows_in_their_order():
    seen = {}

    def score(outputs):
        seen.update(outputs)
        return {"share": 0.25}

    ids = np.arange(280, dtype="int64").reshape(70, 4)
    evaluation = Evaluation({"token_ids": ids}, ("text_embeds",), score, 70)
    assert evaluate(evaluation, {"text": run_text}, PARTS) == {"share": 0.25}
    np.testing.assert_array_equal(seen["text_embeds"], ids)


def test_parts_are_evaluated_together():
    figures = evaluate(pairs(), {"image": run_image, "text": run_text}, PARTS)
    assert set(figures) == {"recall@1_i2t", "recall@1_t2i"}


def test_an_output_nobody_reads_is_not_kept():
    def score(outputs):
        assert list(outputs) == ["image_embeds"]
        return {"share": 1.0}

    evaluation = Evaluation({"images": np.zeros((3, 1, 1, 4), "uint8")}, ("image_embeds",), score, 3)
    evaluate(evaluation, {"image": run_image}, PARTS)


def test_a_part_for_files_with_the_same_output_is_passed_over():
    raw = PartEntry("image_bytes", (TensorSpec("image_bytes", (None,), "string"),), IMAGE.outputs)
    figures = evaluate(pairs(), {"image": run_image, "text": run_text}, {"image_bytes": raw, **PARTS})
    assert set(figures) == {"recall@1_i2t", "recall@1_t2i"}


def test_one_part_alone_cannot_be_evaluated():
    with pytest.raises(ValueError, match="must be given an artifact of part 'text', received those of image"):
        evaluate(pairs(), {"image": run_image}, PARTS)


def test_a_missing_input_is_named():
    evaluation = Evaluation({"pixels": np.zeros((3, 4))}, ("image_embeds",), dict, 3)
    with pytest.raises(ValueError, match="inputs of part 'image', which gives image_embeds, received none for images"):
        evaluate(evaluation, {"image": run_image}, PARTS)


def test_a_missing_output_is_named():
    evaluation = Evaluation({"images": np.zeros((3, 4))}, ("probabilities",), dict, 3)
    with pytest.raises(ValueError, match=r"\(image_embeds, sequence, text_embeds\), received probabilities"):
        evaluate(evaluation, {"image": run_image}, PARTS)


def test_pictures_that_uint8_cannot_hold_are_refused():
    evaluation = Evaluation({"images": np.full((3, 1, 1, 4), 0.5)}, ("image_embeds",), dict, 3)
    with pytest.raises(ValueError, match="images must hold values of dtype uint8"):
        evaluate(evaluation, {"image": run_image}, PARTS)


@pytest.mark.parametrize("figures", [{}, {"share": 1.5}, {"share": float("nan")}])
def test_figures_must_be_shares(figures):
    evaluation = Evaluation({"token_ids": np.zeros((3, 4), "int32")}, ("text_embeds",), lambda outputs: figures, 3)
    with pytest.raises(ValueError, match=r"must give figures in \[0, 1\]"):
        evaluate(evaluation, {"text": run_text}, PARTS)


def test_the_cosine_bar():
    check_gate("int8", "onnx", {"image": parity(0.99)}, Gate())
    with pytest.raises(GateError, match=r"minimum cosine of 0\.9899 in part 'text' \(at least 0\.99\); gate=None"):
        check_gate("int8", "onnx", {"image": parity(0.999), "text": parity(0.9899)}, Gate())


def test_fp16_is_held_to_more_than_int8():
    with pytest.raises(GateError, match=r"fp16 in format 'tflite' .* \(at least 0\.9999\)"):
        check_gate("fp16", "tflite", {"image": parity(0.999)}, Gate())


def test_a_figure_may_fall_by_the_bar_and_rise_by_anything():
    baseline = {"recall@1_i2t": 0.95, "recall@1_t2i": 0.5}
    check_gate("int8", "onnx", {}, Gate(), figures={"recall@1_i2t": 0.945, "recall@1_t2i": 0.9}, baseline=baseline)
    with pytest.raises(GateError) as refused:
        check_gate("int8", "onnx", {}, Gate(), figures={"recall@1_i2t": 0.944, "recall@1_t2i": 0.5}, baseline=baseline)
    assert "recall@1_i2t 0.9440 instead of 0.9500 (at most 0.005 less);" in str(refused.value)
    assert "t2i" not in str(refused.value)


def test_the_message_says_what_one_answer_of_a_small_set_weighs():
    figures, baseline = {"top1": 0.92}, {"top1": 0.94}
    with pytest.raises(GateError, match=r"one of 50 answers is 0\.02: too few for this bar, which takes 200; gate"):
        check_gate("int8", "onnx", {}, Gate(), figures=figures, baseline=baseline, count=50)
    with pytest.raises(GateError, match=r"one of 1000 answers is 0\.001; gate=None"):
        check_gate("int8", "onnx", {}, Gate(), figures=figures, baseline=baseline, count=1000)
    strict = Gate(int8=Limits(0.99, 0.0))
    with pytest.raises(GateError, match=r"one of 1000 answers is 0\.001: too few for this bar, which takes more"):
        check_gate("int8", "onnx", {}, strict, figures=figures, baseline=baseline, count=1000)


def test_nan_never_passes():
    nan = float("nan")
    with pytest.raises(GateError, match="cosine of nan"):
        check_gate("int8", "onnx", {"image": parity(nan)}, Gate())
    with pytest.raises(GateError, match="top1 nan"):
        check_gate("int8", "onnx", {}, Gate(), figures={"top1": nan}, baseline={"top1": 0.9})


def test_without_a_gate_everything_passes():
    check_gate("int8", "onnx", {"image": parity(-1.0)}, None, figures={"top1": 0.0}, baseline={"top1": 1.0})


def test_limits_are_the_users():
    check_gate("int8", "onnx", {"image": parity(0.9)}, Gate(int8=Limits(min_cosine=0.9, max_drop=1)))
    with pytest.raises(ValueError, match=r"min_cosine and max_drop must be in \[0, 1\], received 0\.99, 5"):
        Limits(0.99, 5)


def test_float32_has_no_gate():
    with pytest.raises(ValueError, match="precision must be 'int8' or 'fp16', received 'fp32'"):
        check_gate("fp32", "onnx", {}, Gate())


def test_figures_of_two_sets_are_not_compared():
    with pytest.raises(ValueError, match=r"figures must be \['top1'\], received \['top5'\]"):
        check_gate("int8", "onnx", {}, Gate(), figures={"top5": 1.0}, baseline={"top1": 1.0})


@pytest.mark.parametrize(("levels", "passes"), [(None, True), (2.0, True), (2.1, False), (float("nan"), False)])
def test_pictures_may_be_so_many_levels_off(levels, passes):
    gate, found = Gate(int8=Limits(0.99, 0.0, max_levels=2)), {"draws": Parity(40.0, 0.999, 40.0, levels)}
    if passes:
        check_gate("int8", "onnx", found, gate)
    else:
        with pytest.raises(GateError, match=r"of 255 levels off in the mean in part 'draws' \(at most 2\)"):
            check_gate("int8", "onnx", found, gate)


def test_levels_must_be_levels():
    with pytest.raises(ValueError, match=r"max_levels must be in \[0, 255\], received 300"):
        Limits(0.99, 0.0, max_levels=300)
