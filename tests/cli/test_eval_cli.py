"""`mmzoo eval`: what is measured of a CLIP and of a classifier, and the folder that holds it."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.cli.reports import report_folder, write_report
from mmzoo.cli.tasks import open_examples, read_examples
from mmzoo.encoders import build_text_transformer, build_vit
from mmzoo.models import build_classifier, build_matcher

PNGS = ["ablation.png", "calibration.png", "confusion.png", "precision_recall.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP, classifiers that nobody trained, and a table whose labels stand in another order than the models'."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(3)
    tokenizer = mmzoo.Tokenizer.train(["good", "bad", "is it red?"], 300)
    clip = mmzoo.build_clip("tiny", tokenizer=tokenizer)
    clip.save(folder / "clip.keras")
    clip.text_encoder.save(folder / "encoder.keras")
    sizes = {"width": 16, "depth": 1, "num_heads": 2}
    encoders = (
        build_vit(image_size=32, patch_size=16, **sizes),
        build_text_transformer(vocab_size=tokenizer.vocab_size, context_length=16, pooling="last", **sizes),
    )
    mmzoo.build_clip(image_encoder=encoders[0], text_encoder=encoders[1], embed_dim=8).save(folder / "wordless.keras")

    def classifier(name, score=None, **options):
        options = {"num_classes": 2, "tokenizer": tokenizer, "fusion": "add"} | options
        model = build_classifier(*encoders, **options)
        if score is not None:
            answer_always(model.answer_head, score)
        model.save(folder / name)

    matcher = build_matcher(*encoders, tokenizer=tokenizer)
    answer_always(matcher.match_head, 5.0)
    matcher.save(folder / "yes.keras")
    classifier("lead.keras", 5.0, head="hinge", num_classes=1, labels=("positive", "negative"))
    # A score that a guess would take for a probability under one half.
    classifier("small.keras", 0.3, head="hinge", num_classes=1, labels=("negative", "positive"))
    classifier("red.keras", 5.0, head="sigmoid", num_classes=1, labels=("a red one",))
    classifier("nameless.keras", 5.0, head="sigmoid", num_classes=1)
    build_matcher(*encoders, tokenizer=tokenizer).save(folder / "matcher.keras")
    classifier("mood.keras", labels=("positive", "negative"))
    classifier("numbers.keras", head="regression", num_classes=1)
    classifier("colours.keras", num_classes=3, labels=("red", "blue", "green"))
    (folder / "pictures").mkdir()
    rows = ["image,text,label"]
    for index in range(12):
        colour = ("blue", "red")[index % 2]
        Image.new("RGB", (32, 32), colour).save(folder / "pictures" / f"{index}.png")
        rows.append(f"pictures/{index}.png,which colour?,{colour}")
    (folder / "colours.csv").write_text("\n".join(rows))
    (folder / "numbers.csv").write_text(
        "\n".join([rows[0], *(f"pictures/{i}.png,how much?,{i / 10}" for i in range(12))])
    )
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    """Models that answer each example with one score."""
    return {name: mmzoo.load(folder / name) for name in ("yes.keras", "red.keras", "nameless.keras")}


def answer_always(head, score):
    head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    head.output_dense[0].bias.assign([score])


def table_of(folder, most, others):
    """Nine pictures with one label, three with another."""
    rows = [f"pictures/{index}.png,what?,{most if index < 9 else others}" for index in range(12)]
    (folder / "two.csv").write_text("\n".join(["image,text,label", *rows]))
    return folder / "two.csv"


class TestAClassifier:
    def test_a_shipped_task_makes_a_report_with_both_ablations(self, folder, tmp_path, run):
        out = tmp_path / "report"
        command = ("eval", "--model", folder / "mood.keras", "--data", "sentiment", "--limit", "64", "--out", out)
        status, printed, error = run(*command, "--json")
        assert status == 0, error
        record = json.loads(printed)
        report = record["sentiment"]
        assert report["examples"] == 64
        assert report["accuracy_chance"] == 0.5  # the task is balanced
        assert {"images_shuffled", "texts_shuffled", "accuracy_chance"} <= set(report["ablation"])
        assert [each["name"] for each in report["per_class"]] == ["positive", "negative"]
        assert sorted(path.name for path in (out / "sentiment").iterdir()) == PNGS
        stored = json.loads((out / "report.json").read_text())
        assert stored["sentiment"] == report
        assert stored["files"] == [f"sentiment/{name}" for name in PNGS]

    def test_a_table_is_read_with_the_models_labels_and_a_person_reads_tables(self, folder, tmp_path, run):
        out = tmp_path / "report"
        command = ("eval", "--model", folder / "colours.keras", "--data", folder / "colours.csv", "--out", out)
        status, printed, error = run(*command)
        assert status == 0, error
        report = json.loads((out / "report.json").read_text())["colours.csv"]
        assert [(each["name"], each["count"]) for each in report["per_class"]] == [
            ("red", 6),
            ("blue", 6),
            ("green", 0),
        ]
        lines = [line.split() for line in printed.splitlines()]
        assert ["accuracy", f"{report['accuracy']:.4f}", "0.5000"] in lines
        green = next(line for line in lines if line[:1] == ["green"])
        assert (green[1], green[3], green[5:]) == ("0", "-", ["-", "-"])  # count, recall, ROC-AUC and average precision
        assert [line[:2] for line in lines if line[1:] and line[1] == "shuffled"] == [
            ["images", "shuffled"],
            ["texts", "shuffled"],
        ]

    def test_numbers(self, folder, tmp_path, run):
        command = (
            "eval",
            "--model",
            folder / "numbers.keras",
            "--data",
            folder / "numbers.csv",
            "--out",
            tmp_path / "out",
        )
        status, printed, error = run(*command, "--json")
        assert status == 0, error
        report = json.loads(printed)["numbers.csv"]
        assert report["mean_absolute_error_chance"] == pytest.approx(0.3)  # 0, 0.1, ..., 1.1 around their median
        assert [path.name for path in (tmp_path / "out" / "numbers.csv").iterdir()] == ["ablation.png"]

    def test_kinds_of_questions_are_chosen_after_a_colon(self, folder, run):
        command = ("eval", "--model", folder / "mood.keras", "--limit", "32", "--data")
        status, _, error = run(*command, "shape-questions:left of,right of")
        assert status == 1
        assert "received shape-questions:left of,right of with no, yes" in error


def test_a_matcher_says_no_or_yes(folder, run):
    command = ("eval", "--model", folder / "matcher.keras", "--data", "matching", "--limit", "40", "--json")
    status, printed, error = run(*command)
    assert status == 0, error
    report = json.loads(printed)["matching"]
    assert [(each["name"], each["count"]) for each in report["per_class"]] == [("no", 20), ("yes", 20)]
    assert {each["chance"] for each in report["per_kind"]} == {0.5}


class TestAModelWithOneScore:
    @pytest.mark.parametrize(
        ("model", "most", "others"),
        [
            ("yes.keras", "match", "wrong"),
            ("lead.keras", "negative", "positive"),
            ("small.keras", "positive", "negative"),
        ],
    )
    def test_is_measured_by_what_it_says_whatever_the_alphabet(self, model, most, others, folder, run):
        table = table_of(folder, most, others)
        status, printed, error = run("eval", "--model", folder / model, "--data", table, "--json")
        assert status == 0, error
        report = json.loads(printed)["two.csv"]
        assert report["accuracy"] == report["ablation"]["accuracy"] == 0.75
        counts = {each["name"]: (each["count"], each["said"]) for each in report["per_class"]}
        assert counts == {most: (9, 12), others: (3, 0)}

    @pytest.mark.parametrize(
        ("name", "yes", "no"),
        [
            ("yes.keras", "right", "mismatch"),
            ("yes.keras", "TRUE", "FALSE"),
            ("red.keras", "a red one", "blue"),
            ("red.keras", "1", "0"),
            ("nameless.keras", "positive", "negative"),
        ],
    )
    def test_its_score_is_of_its_own_label_or_of_a_name_that_says_yes(self, name, yes, no, folder, loaded):
        table = str(table_of(folder, yes, no))
        read = read_examples(table, open_examples(table, loaded[name], 12, 0), loaded[name], None)
        assert read.label_names == (no, yes)
        assert read.targets.tolist() == [1] * 9 + [0] * 3

    @pytest.mark.parametrize(
        ("name", "labels", "message"),
        [
            (
                "yes.keras",
                ("red", "blue"),
                r"says no \(no, false, 0, negative, mismatch, wrong\) and one that says yes",
            ),
            ("yes.keras", ("yes", "true"), "two.csv with true, yes$"),
            ("nameless.keras", ("match", "wrong"), "labels= of build_classifier would say what the score is of"),
            ("red.keras", ("green", "blue"), "two.csv with blue, green"),
        ],
    )
    def test_which_of_two_names_it_means_is_not_guessed(self, name, labels, message, folder, loaded):
        table = str(table_of(folder, *labels))
        with pytest.raises(ValueError, match=message):
            read_examples(table, open_examples(table, loaded[name], 12, 0), loaded[name], None)


def test_a_report_is_replaced_and_nothing_else_is(tmp_path):
    out = tmp_path / "report"
    for accuracy in (0.5, 0.6):
        with report_folder(out) as folder:
            (folder / "sentiment").mkdir()
            (folder / "sentiment" / "confusion.png").touch()
            write_report(folder, {"accuracy": accuracy})
    assert json.loads((out / "report.json").read_text()) == {"accuracy": 0.6, "files": ["sentiment/confusion.png"]}
    (out / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="hold nothing else"), report_folder(out):
        pass
    assert (out / "mine.txt").exists()


def test_of_a_clip_the_report_has_the_cosine_of_pairs_and_of_mismatched_ones(folder, tmp_path, run):
    out = tmp_path / "report"
    command = ("eval", "--model", folder / "clip.keras", "--data", "digits", "--limit", "40", "--out", out, "--json")
    status, printed, error = run(*command)
    assert status == 0, error
    record = json.loads(printed)
    consistency = record["digits_consistency"]
    assert consistency["gap"] == pytest.approx(consistency["matched"] - consistency["mismatched"])
    assert record["digits_zero_shot_top1_chance"] == pytest.approx(0.1)
    assert json.loads((out / "report.json").read_text())["files"] == ["digits/gallery.png", "digits/similarity.png"]


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (
            "mood.keras",
            ["nowhere"],
            "a folder for a CLIP or a captioner, sentiment, digit-questions, shape-questions, matching or a table",
        ),
        ("mood.keras", ["none.csv"], "must be a table that exists, received 'none.csv'"),
        ("mood.keras", ["digits"], "or a table (.csv, .tsv, .jsonl, .ndjson) for a classifier, received 'digits'"),
        (
            "mood.keras",
            ["matching"],
            "labels that the model answers with (positive, negative), received matching with no, yes",
        ),
        ("mood.keras", ["sentiment:whose"], "kinds for shape-questions alone"),
        ("mood.keras", ["sentiment", "sentiment"], "must be names that differ in their last part"),
        ("mood.keras", ["sentiment", "--template", "{}"], "--template must be left out for a model other than a CLIP"),
        ("numbers.keras", ["sentiment"], "must have numbers for a model with the head regression, received sentiment"),
        ("clip.keras", ["sentiment"], "digits, shapes or a folder for a CLIP, received 'sentiment'"),
        (
            "encoder.keras",
            ["digits"],
            "must be a CLIP, a captioner that reads no questions, a classifier or a matcher, received",
        ),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_no_report(model, data, message, folder, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *others = data
    options = [word for other in others for word in ((other,) if other in ("--template", "{}") else ("--data", other))]
    status, _, error = run(
        "eval", "--model", folder / model, "--data", first, *options, "--limit", "4", "--out", "report"
    )
    assert status == 1
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("encoder.keras", "must be a CLIP, received encoder.keras with another model, of the class TextEncoder"),
        ("wordless.keras", "must be a CLIP with its tokenizer, received wordless.keras with a CLIP that has none"),
    ],
)
def test_training_goes_on_with_a_clip_and_its_tokenizer_alone(model, message, folder, tmp_path, run, monkeypatch):
    monkeypatch.chdir(folder)
    status, _, error = run("train", "--data", "digits", "--out", tmp_path / "run", "--model", model)
    assert status == 1
    assert message in error
