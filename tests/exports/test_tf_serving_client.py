"""The bodies the client sends are read as TensorFlow Serving reads them, and TensorFlow runs the signatures on them."""

import json
import socket
import time

import numpy as np
import pytest

TEXTS = ["a red circle", "数字七", "un café 🎉"]


@pytest.fixture
def module(client_module):
    return client_module("tf_serving_client")


@pytest.fixture
def raw_url(serve, tf_serving_answer, bundle):
    with serve(tf_serving_answer(bundle / "saved_model_raw/1")) as url:
        yield f"{url}/v1/models/clip"


def test_bodies_are_as_documented(module):
    body = module.predict_body("image_bytes", {"image_bytes": [b"\x89PNG"]})
    assert json.loads(json.dumps(body)) == {
        "signature_name": "image_bytes",
        "inputs": {"image_bytes": [{"b64": "iVBORw=="}]},
    }
    assert module.predict_body("text_strings", {"text_strings": ["a", "七"]})["inputs"] == {"text_strings": ["a", "七"]}
    assert module.predict_body("text", {"token_ids": np.int32([[1, 2]])})["inputs"] == {"token_ids": [[1, 2]]}


def test_strings_and_files_give_the_models_embeddings(module, raw_url, clip, pictures):
    from mmzoo.data import resize, safe_decode

    client = module.TFServingClient(raw_url)
    assert np.abs(client.embed_texts(TEXTS) - clip.encode_text(TEXTS)).max() < 1e-5
    images = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures])
    embeds = client.embed_images([pictures[0], *(path.read_bytes() for path in pictures[1:])])
    # The graph's resizing may differ by one of 255 levels from Pillow's.
    assert (embeds * clip.encode_image(images)).sum(1).min() > 0.999


def test_tensors_give_the_models_embeddings(module, client_module, serve, tf_serving_answer, bundle, clip, pictures):
    prepared = client_module("mmzoo_bundle").Bundle(bundle)
    images, token_ids = prepared.pictures(pictures), prepared.token_ids(TEXTS)
    with serve(tf_serving_answer(bundle / "saved_model/1")) as url:
        client = module.TFServingClient(f"{url}/v1/models/clip")
        image_embeds = client.predict("image", {"images": images})["outputs"]
        text_embeds = client.predict("text", {"token_ids": token_ids})["outputs"]
    assert np.abs(image_embeds - clip.encode_image(images)).max() < 1e-5
    assert np.abs(text_embeds - clip.encode_text(TEXTS)).max() < 1e-5


def test_several_outputs_keep_their_names(module, serve):
    with serve(lambda path, body: {"outputs": {"a": [[1.0]], "b": [[2.0]]}}) as url:
        outputs = module.TFServingClient(f"{url}/v1/models/both").predict("both", {"x": np.zeros((1, 1))})
    assert {name: array.item() for name, array in outputs.items()} == {"a": 1.0, "b": 2.0}


def test_a_refusal_carries_the_servers_words(module, raw_url):
    with pytest.raises(RuntimeError, match=r'it answered 400: .*Serving signature key .*"nothing.*" not found'):
        module.TFServingClient(raw_url).predict("nothing", {})
    with pytest.raises(RuntimeError, match=r"it answered 404: .*Could not find any versions of model"):
        module.TFServingClient(raw_url + "s").embed_texts(["a"])


def test_no_server_is_said_at_once(module):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1/models/clip"
    with pytest.raises(ConnectionError, match=r"must answer within 30 s, it did not: .*refused"):
        module.TFServingClient(url).embed_texts(["a"])


def test_a_server_that_hangs_is_given_up(module):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/models/clip"
        client = module.TFServingClient(url, timeout=0.2)
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=r"must answer within 0\.2 s, it did not: timed out"):
            client.embed_texts(["a"])
        assert time.monotonic() - start < 5
