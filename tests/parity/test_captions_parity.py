"""ROUGE-L and CIDEr-D against rouge-score and pycocoevalcap; tests/parity/captions.py makes the file."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mmzoo.metrics.caption import cider_d, rouge_l


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
