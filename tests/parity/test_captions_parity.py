"""ROUGE-L and CIDEr-D against rouge-score and pycocoevalcap; tests/parity/captions.py makes the file."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sacrebleu import corpus_bleu

from mmzoo.metrics.caption import caption_report, cider_d, rouge_l


@pytest.fixture(scope="module")
def record_of_peers():
    return json.loads((Path(os.environ["MMZOO_PARITY"]) / "captions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("ours", [rouge_l, cider_d], ids=lambda metric: metric.__name__)
def test_scores_are_those_of_the_reference_package(record_of_peers, record, ours):
    captions = [text.split() for text in record_of_peers["captions"]]
    references = [[text.split() for text in row] for row in record_of_peers["references"]]
    expected = np.array(record_of_peers[ours.__name__])
    assert len(captions) >= 200
    assert len(set(np.round(expected, 6))) > 50
    found = ours(captions, references)
    record("captions", ours.__name__, float(np.abs(found - expected).max()))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_bleu_is_sacrebleus_of_the_whole_corpus(record_of_peers, record):
    captions, rows = record_of_peers["captions"], record_of_peers["references"]
    streams = [[row[place] if place < len(row) else None for row in rows] for place in range(max(map(len, rows)))]
    report = caption_report(captions, rows)
    expected = corpus_bleu([caption.lower() for caption in captions], streams)
    found = (report.bleu_4, *_orders(report))
    # Of each order its precision, from which BLEU-1 to BLEU-4 follow with the brevity penalty.
    logs = np.log(np.array(expected.precisions) / 100)
    wanted = [100 * expected.bp * np.exp(logs[:order].mean()) for order in (1, 2, 3, 4)]
    record("captions", "bleu", float(np.abs(np.array(found) - [expected.score, *wanted]).max()))
    np.testing.assert_allclose(found, [expected.score, *wanted], atol=1e-6)


def _orders(report):
    return report.bleu_1, report.bleu_2, report.bleu_3, report.bleu_4
