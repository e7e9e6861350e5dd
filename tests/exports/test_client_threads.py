"""Eight threads, 10,000 requests each with a tag of its own: no answer belongs to another request."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

REQUESTS, THREADS, WIDTH = 10_000, 8, 16


def request(tag):
    """1 to 3 rows that only this tag has."""
    return np.float32(tag) + np.arange((1 + tag % 3) * WIDTH, dtype=np.float32).reshape(-1, WIDTH) * 0.25


def crossed(run, count=REQUESTS):
    """How many answers are not y = 4 x + 3 of their own request; float32 rounds none of them."""

    def wrong(tag):
        x = request(tag)
        y = run(x)
        return y.shape != x.shape or not np.array_equal(y, 4 * x + 3)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(wrong, range(count), chunksize=25))


def test_onnxruntime(client_module, tagged):
    client = client_module("onnxruntime_client").OnnxClient(tagged, threads=1)
    assert crossed(lambda x: client.run("model", {"x": x})["y"]) == 0


def test_litert(client_module, tagged):
    client = client_module("litert_client").LiteRTClient(tagged)
    assert crossed(lambda x: client.run("model", {"x": x})["y"]) == 0


@pytest.fixture
def tf_client(client_module):
    return client_module("tf_serving_client").TFServingClient("http://localhost:8501/v1/models/clip")


def test_saved_model(tf_client, client_module, tf_serving_answer, tagged, monkeypatch):
    answer = tf_serving_answer(tagged / "saved_model/1")

    def post(url, content, timeout):
        path = url.removeprefix("http://localhost:8501")
        return json.loads(json.dumps(answer(path, json.loads(json.dumps(content)))))

    monkeypatch.setattr(client_module("tf_serving_client"), "post_json", post)
    assert crossed(lambda x: tf_client.predict("model", {"x": x})["outputs"]) == 0


def test_saved_model_over_http(client_module, serve, tf_serving_answer, tagged):
    with serve(tf_serving_answer(tagged / "saved_model/1")) as url:
        client = client_module("tf_serving_client").TFServingClient(f"{url}/v1/models/clip")
        assert crossed(lambda x: client.predict("model", {"x": x})["outputs"], 500) == 0


def test_triton_over_http(client_module, serve, triton_answer, tagged):
    with serve(triton_answer(tagged / "triton")) as url:
        client = client_module("triton_client").TritonClient(tagged, url)
        assert crossed(lambda x: client.run("model", {"x": x})["y"], 500) == 0
