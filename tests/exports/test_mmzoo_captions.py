"""What each runtime's client writes about pictures is what the captioner writes."""

import sys

import keras
import numpy as np
import pytest

import mmzoo

pytestmark = pytest.mark.usefixtures("plain_search")

CLIENTS = ("onnxruntime", "litert", "saved_model")
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture
def writer(client_module):
    def open_writer(client, bundle, **options):
        return client_module("mmzoo_captions").Captioner(
            client_module("mmzoo_bundle").open_client(client, bundle, **options)
        )

    return open_writer


def ids(texts):
    return [each.token_ids.tolist() for each in texts]


@EACH_CLIENT
def test_the_tokens_and_the_words_are_those_of_generate(writer, client, captioner, captioner_bundle, shown):
    expected = captioner.generate(shown)
    assert len({str(each) for each in expected}) == 64
    found = writer(client, captioner_bundle).write(shown)
    assert ids(found) == ids(expected)
    assert [each.text for each in found] == [str(each) for each in expected]


@pytest.mark.parametrize("client", CLIENTS[:2])
def test_int8_writes_nearly_the_same(writer, client, captioner, captioner_bundle, shown):
    found = writer(client, captioner_bundle, precision="int8").write(shown)
    same = np.mean([a == b for a, b in zip(ids(found), ids(captioner.generate(shown)), strict=True)])
    print(f"{client} int8: {same:.3f} of 64 captions have the same tokens")
    assert same >= 0.95


@EACH_CLIENT
@pytest.mark.parametrize(
    "options",
    [
        {"prompt": ["a white", "a", "", "a green star on"] * 4},
        {"prompt": "a", "max_tokens": 3},
        {"language": "zh"},
        {"language": "zh", "prompt": ["a", ""] * 8},
        {"max_tokens": 0},
    ],
    ids=["prompts", "max_tokens", "language", "both", "nothing"],
)
def test_prompts_and_lengths_are_those_of_generate(writer, client, captioner, captioner_bundle, shown, options):
    asked = dict(options)
    prefix = {"prefix": asked.pop("prompt")} if "prompt" in asked else {}
    found = writer(client, captioner_bundle).write(shown[:16], **options, batch_size=5)
    assert ids(found) == ids(captioner.generate(shown[:16], **prefix, **asked))


def test_pictures_of_any_size_are_read(writer, captioner, captioner_bundle, pictures):
    read = np.stack([mmzoo.data.resize(mmzoo.data.safe_decode(p), captioner.image_preprocessing) for p in pictures])
    assert ids(writer("onnxruntime", captioner_bundle).write(pictures)) == ids(captioner.generate(read))
    assert writer("onnxruntime", captioner_bundle).write([]) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 12}, "max_tokens must be from 0 to 11, what there is room for, received 12"),
        ({"prompt": ["a"]}, "prompt must be one text, or one for each of 4 pictures, received 1"),
        ({"prompt": "zz " * 30}, "prompt must be at most 12 tokens with the start"),
        ({"language": "fr"}, r"language must be one of \['en', 'zh'\], received 'fr'"),
        ({"texts": ["why?"] * 4}, "texts must be None: this captioner reads none, received 4"),
    ],
)
def test_what_cannot_be_written_gets_one_sentence(writer, captioner_bundle, shown, options, message):
    with pytest.raises(ValueError, match=message):
        writer("onnxruntime", captioner_bundle).write(shown[:4], **options)


def test_another_model_s_bundle_is_refused(writer, bundle):
    with pytest.raises(ValueError, match=r"the bundle must be of a captioner.* found the parts image, text"):
        writer("onnxruntime", bundle)


@EACH_CLIENT
def test_no_client_needs_mmzoo_or_keras(without_mmzoo, captioner_bundle, client):
    code = (
        "import numpy as np, mmzoo_bundle, mmzoo_captions\n"
        f"captioner = mmzoo_captions.Captioner(mmzoo_bundle.open_client('{client}', sys.argv[1]))\n"
        "print(len(captioner.write(np.zeros((3, 8, 8, 3), np.uint8))))"
    )
    assert without_mmzoo(code, captioner_bundle) == "3"


@pytest.fixture(scope="module")
def answering(tmp_path_factory):
    """A model that answers questions, whose text encoder has a tokenizer of its own, and its bundle."""
    keras.utils.set_random_seed(1)
    questions = mmzoo.Tokenizer.train(["what colour is it?", "is it a ring?"], 280, kind="wordpiece", lower_case=True)
    words = mmzoo.Tokenizer.train(["a red circle", "yes", "no"], 300)
    encoder = mmzoo.build_text_transformer(
        vocab_size=questions.vocab_size, context_length=10, width=16, depth=1, num_heads=2, end_id=3
    )
    encoder.tokenizer = questions
    image = mmzoo.build_convnet(image_size=8, widths=(8,), blocks=1)
    model = mmzoo.build_captioner(image, encoder, "add", decoder="lstm", tokenizer=words, context_length=8, width=16)
    directory = tmp_path_factory.mktemp("bundles") / "answers"
    mmzoo.export(model, directory, ("onnx", "tflite"), raw=False)
    return model, directory


@pytest.mark.parametrize("client", CLIENTS[:2])
def test_questions_are_read_as_strings_and_as_ids(writer, client, answering, shown):
    model, directory = answering
    texts = ["What colour is it?", "Is it a ring?", ""]
    expected = ids(model.generate(shown[:3], texts))
    captioner = writer(client, directory)
    assert ids(captioner.write(shown[:3], texts)) == expected
    assert ids(captioner.write(shown[:3], model.question_tokenizer(texts, 10))) == expected
    with pytest.raises(ValueError, match="texts must be 3, one a picture, received None"):
        captioner.write(shown[:3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "cat.png"), "mmzoo_captions: .*nowhere"),
        (("BUNDLE", "cat.png"), "mmzoo_captions: .*cat.png"),
        (
            ("BUNDLE", "cat.png", "--language", "fr"),
            r"mmzoo_captions: language must be one of \['en', 'zh'\], received 'fr'",
        ),
    ],
)
def test_its_command_says_what_is_wrong_in_one_sentence(
    client_module, captioner_bundle, monkeypatch, arguments, message
):
    client_module("onnxruntime_client")
    command = [str(captioner_bundle) if word == "BUNDLE" else word for word in arguments]
    monkeypatch.setattr(sys, "argv", ["mmzoo_captions.py", *command])
    with pytest.raises(SystemExit, match=message):
        client_module("mmzoo_captions").main()
