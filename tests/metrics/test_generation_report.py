import json

import numpy as np
import pytest

from mmzoo.metrics import diversity, frechet_distance, generation_report, inception_score
from mmzoo.metrics.generation import INCEPTION_2015

DRAWS = np.random.default_rng(0)
REAL, GENERATED = DRAWS.normal(size=(200, 8)), DRAWS.normal(size=(150, 8)) + 1


def figure(report, name):
    return next(each for each in report.figures if each.name == name)


def test_the_distances_are_those_of_all_pictures():
    report = generation_report(REAL, GENERATED, extractor="a test")
    assert (report.real, report.generated, report.floor_count) == (200, 150, 100)
    assert figure(report, "frechet_distance").value == frechet_distance(REAL, GENERATED)
    assert [each.name for each in report.figures] == ["frechet_distance", "kernel_distance", "precision", "recall"]


def test_the_floor_is_half_of_the_real_pictures_against_the_other_half():
    report = generation_report(REAL, GENERATED, extractor="a test")
    assert 0 < figure(report, "frechet_distance").floor < figure(report, "frechet_distance").paired / 5
    again = generation_report(REAL, GENERATED, extractor="a test", seed=1)
    assert figure(again, "frechet_distance").value == figure(report, "frechet_distance").value
    assert figure(again, "frechet_distance").floor != figure(report, "frechet_distance").floor


def test_a_generator_as_good_as_real_pictures_reaches_the_floor_with_as_many():
    features = np.random.default_rng(1).normal(size=(800, 8))
    distance = figure(generation_report(features[:400], features[400:], extractor="a test"), "frechet_distance")
    assert distance.paired == pytest.approx(distance.floor, rel=0.5)
    assert distance.value < 0.75 * distance.floor  # twice as many pictures: lower, and no better


def test_few_generated_pictures_make_the_floor_one_of_as_few():
    report = generation_report(REAL, GENERATED[:20], extractor="a test")
    assert report.floor_count == 20
    whole = generation_report(REAL, GENERATED, extractor="a test")
    assert figure(report, "frechet_distance").floor > 2 * figure(whole, "frechet_distance").floor


def test_only_the_2015_weights_make_it_fid():
    report = generation_report(REAL, GENERATED, extractor=INCEPTION_2015)
    assert {"fid", "fid_floor", "fid_paired", "kid", "kid_std"} < set(report.to_dict())
    assert "FID" in str(report)
    assert "KID" in str(report)
    other = generation_report(REAL, GENERATED, extractor="InceptionV3 (Keras)")
    assert "Fréchet distance (InceptionV3 (Keras))" in str(other)
    assert not {"fid", "kid"} & set(other.to_dict())
    assert "FID" not in str(other)


def test_a_printed_report_has_counts_and_floors():
    lines = str(generation_report(REAL, GENERATED, extractor="a test")).splitlines()
    assert lines[0] == "150 generated, 200 real pictures"
    assert lines[1].split() == ["value", "std", "of", "100", "each", "floor"]
    assert len(lines) == 6


def test_diversity_and_inception_score_come_with_those_of_real_pictures():
    groups = np.arange(200) // 2, np.arange(150) // 3
    report = generation_report(
        REAL,
        GENERATED,
        extractor="a test",
        groups=(groups[0].tolist(), groups[1].tolist()),
        logits=(REAL, 3 * GENERATED),
    )
    assert figure(report, "diversity").value == diversity(GENERATED, groups[1].tolist())
    assert figure(report, "diversity").floor == diversity(REAL, groups[0].tolist())
    score = figure(report, "inception_score")
    assert (score.value, score.std) == inception_score(3 * GENERATED)
    assert score.floor == inception_score(REAL).mean
    assert json.loads(json.dumps(report.to_dict()))["inception_score_floor"] == score.floor


def test_too_few_pictures_have_no_floor():
    with pytest.raises(ValueError, match="at least 8 real and 4 generated pictures for a floor, received 7 and 150"):
        generation_report(REAL[:7], GENERATED, extractor="a test")
