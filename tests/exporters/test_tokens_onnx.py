"""Tokenizers inside ONNX files give the ids that the tokenizers library gives, string by string."""

import json
import threading
from functools import cache

import numpy as np
import onnx
import onnxruntime
import onnxruntime_extensions
import pytest
import tokenizers
from onnx import helper, numpy_helper
from tokenizers import models, normalizers, pre_tokenizers, processors

from mmzoo.exporters.tokens import add_tokenizer, compare_tokens, fuzz_corpus, onnx_tokenizer
from mmzoo.tokenizer import Tokenizer

LENGTH = 24
LEARNED_FROM = fuzz_corpus(300, seed=1)
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_PHRASES = r"<\|startoftext\|>|<\|endoftext\|>|"


def clip_like() -> Tokenizer:
    """As transformers writes it: word ends, composed and lower-cased characters, phrases before the words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    marks = ["<|startoftext|>", "<|endoftext|>"]
    merges = [("t", "h"), ("th", "e</w>"), ("d", "o"), ("do", "g</w>"), ("'", "s</w>"), ("Ã", "©</w>"), ("a", "b")]
    pieces = [*alphabet, *(byte + "</w>" for byte in alphabet), *(left + right for left, right in merges), *marks]
    encoder = tokenizers.Tokenizer(
        models.BPE(
            {piece: index for index, piece in enumerate(pieces)},
            merges,
            unk_token="<|endoftext|>",
            end_of_word_suffix="</w>",
        )
    )
    encoder.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = pre_tokenizers.Split(tokenizers.Regex(CLIP_PHRASES + CLIP_WORDS), behavior="removed", invert=True)
    encoder.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    start, end = ((mark, pieces.index(mark)) for mark in marks)
    encoder.post_processor = processors.RobertaProcessing(end, start, trim_offsets=False, add_prefix_space=False)
    encoder.add_special_tokens(marks)
    return Tokenizer(encoder.to_str())


def roberta_like() -> Tokenizer:
    """A space before each text, and characters decomposed."""
    content = json.loads(Tokenizer.train(LEARNED_FROM, 400).definition)
    content["pre_tokenizer"]["add_prefix_space"] = True
    content["normalizer"] = {"type": "NFD"}
    return Tokenizer(json.dumps(content))


TOKENIZERS = {
    "byte-level BPE": lambda: Tokenizer.train(LEARNED_FROM, 500),
    "byte-level BPE in lower case": lambda: Tokenizer.train(LEARNED_FROM, 500, lower_case=True),
    "Roberta's": roberta_like,
    "CLIP's": clip_like,
    # Few characters are known to the first, so that many words are unknown; all to the second.
    "WordPiece in lower case": lambda: Tokenizer.train(["a café, 12 dogs"], 60, kind="wordpiece", lower_case=True),
    "WordPiece": lambda: Tokenizer.train(LEARNED_FROM, 9000, kind="wordpiece"),
}


@cache
def tokenizer_of(kind):
    return TOKENIZERS[kind]()


@cache
def tokenizing(kind):
    """A function from strings to ids, by onnxruntime."""
    return runner(onnx_tokenizer(tokenizer_of(kind), LENGTH).SerializeToString())


def runner(model, texts="text_strings"):
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda strings: session.run(None, {texts: np.array(strings, object)})[0]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_ids_are_those_of_tokenizer_json(kind):
    texts = [text for text in fuzz_corpus(700) if "\0" not in text]
    found = compare_tokens(tokenizer_of(kind), LENGTH, tokenizing(kind), texts)
    assert (found.differing, found.examples) == (0, ())


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("texts", [[""], ["", "", ""], [" "], ["a dog"], ["", "a dog"], ["\u0301", ""]])
def test_small_batches(kind, texts):
    np.testing.assert_array_equal(tokenizing(kind)(texts), tokenizer_of(kind)(texts, LENGTH))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_long_text_is_cut_where_the_tokenizer_cuts_it(kind):
    texts = [" " * 100_000 + "a dog", "a photo of the dog " * 20_000, "漢é" * 50_000]
    np.testing.assert_array_equal(tokenizing(kind)(texts), tokenizer_of(kind)(texts, LENGTH))


def test_phrases_of_clip_are_words_only_where_a_word_begins():
    mark = "<|endoftext|>"
    texts = [f"{mark}'s", f"{mark}{mark}!", f"!{mark}!", f"!{mark}{mark}'s!!", f"{mark}!{mark}!", f"dog{mark}?{mark}"]
    expected = tokenizer_of("CLIP's")(texts, LENGTH)
    np.testing.assert_array_equal(tokenizing("CLIP's")(texts), expected)


def test_bytes_that_are_no_utf8_become_replacement_characters_as_in_python():
    draw = np.random.default_rng(0)
    values = [0x41, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF]
    texts = [bytes(draw.choice(values, draw.integers(1, 20)).tolist()) for _ in range(500)]
    model = onnx_tokenizer(tokenizer_of("byte-level BPE"), LENGTH).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found = session.run(None, {"text_strings": np.array(texts, "S32")})[0]
    decoded = [text.decode("utf-8", "replace") for text in texts]
    np.testing.assert_array_equal(found, tokenizer_of("byte-level BPE")(decoded, LENGTH))


def test_what_follows_nul_is_lost_and_the_form_says_so(tmp_path):
    tokenizer = tokenizer_of("byte-level BPE")
    path = source(tmp_path / "model.onnx")
    form = add_tokenizer(path, tmp_path / "strings.onnx", tokenizer, LENGTH, input="token_ids")
    assert form.differs_on == ("U+0000",)
    run = tokenizing("byte-level BPE")
    np.testing.assert_array_equal(run(["a\0b"]), tokenizer(["a"], LENGTH))
    found = compare_tokens(tokenizer, LENGTH, run, ["a\0b", "ab"], cannot_follow=form.cannot_follow)
    assert (found.differing, found.declared) == (0, {"U+0000": 1})


def test_threads_share_a_session():
    texts = [text for text in fuzz_corpus(400, seed=2) if "\0" not in text]
    for kind in ("byte-level BPE", "WordPiece in lower case"):
        expected, run, wrong = tokenizer_of(kind)(texts, LENGTH), tokenizing(kind), []

        def ask(first, expected=expected, run=run, wrong=wrong):
            wrong.extend(i for i in range(first, len(texts), 8) if not np.array_equal(run([texts[i]])[0], expected[i]))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def source(path, *, opset=18, kind=onnx.TensorProto.INT32, length=LENGTH, external=False):
    """A model that looks up a row of 400 numbers for each id and adds them up."""
    weight = numpy_helper.from_array(np.random.default_rng(0).normal(size=(600, 400)).astype(np.float32), "weight")
    nodes = [
        helper.make_node("Gather", ["weight", "token_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axes"], ["sums"], keepdims=0),
    ]
    axes = numpy_helper.from_array(np.array([1]), "axes")
    graph = helper.make_graph(
        nodes,
        "text",
        [helper.make_tensor_value_info("token_ids", kind, ["batch", length])],
        [helper.make_tensor_value_info("sums", onnx.TensorProto.FLOAT, ["batch", 400])],
        [weight, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, {"part": "text"})
    onnx.save(model, str(path), save_as_external_data=external, location="weights.data")
    return path


@pytest.mark.parametrize(("opset", "kind"), [(17, np.int32), (20, np.int64)])
def test_a_model_takes_strings_in_place_of_ids(tmp_path, opset, kind):
    tokenizer, texts = tokenizer_of("byte-level BPE"), ["A dog.", "", "Zwei Hunde — 数字"]
    path = source(tmp_path / "model.onnx", opset=opset, kind=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))
    plain = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = plain.run(None, {"token_ids": tokenizer(texts, LENGTH).astype(kind)})[0]
    target = tmp_path / "strings.onnx"
    form = add_tokenizer(path, target, tokenizer, LENGTH, input="token_ids", texts="captions")
    assert (form.input, form.needs) == ("captions", ("onnxruntime-extensions",))
    np.testing.assert_array_equal(runner(str(target), "captions")(texts), expected)
    written = onnx.load(str(target))
    assert [(i.name, i.type.tensor_type.shape.dim[0].dim_param) for i in written.graph.input] == [("captions", "batch")]
    assert [(o.name, o.type.tensor_type.shape.dim[0].dim_param) for o in written.graph.output] == [("sums", "batch")]
    assert written.metadata_props[0].value == "captions"


def test_weights_beside_the_model_are_shared(tmp_path):
    tokenizer = tokenizer_of("byte-level BPE")
    path = source(tmp_path / "model.onnx", external=True)
    target = tmp_path / "strings.onnx"
    add_tokenizer(path, target, tokenizer, LENGTH, input="token_ids")
    assert target.stat().st_size < (tmp_path / "weights.data").stat().st_size / 4
    expected = onnxruntime.InferenceSession(str(path)).run(None, {"token_ids": tokenizer(["a dog"], LENGTH)})[0]
    np.testing.assert_array_equal(runner(str(target))(["a dog"]), expected)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match=r"target must be in the folder of model\.onnx, whose weights it shares"):
        add_tokenizer(path, tmp_path / "other" / "strings.onnx", tokenizer, LENGTH, input="token_ids")


def test_arguments_that_do_not_fit_the_model(tmp_path):
    tokenizer, target = tokenizer_of("byte-level BPE"), tmp_path / "strings.onnx"
    path = source(tmp_path / "model.onnx")
    with pytest.raises(
        ValueError, match=r"input must be one of the inputs of model\.onnx \(token_ids\), received 'ids'"
    ):
        add_tokenizer(path, target, tokenizer, LENGTH, input="ids")
    with pytest.raises(ValueError, match=r"length must be that of token_ids in model\.onnx, 24, received 25"):
        add_tokenizer(path, target, tokenizer, LENGTH + 1, input="token_ids")
    with pytest.raises(ValueError, match=r"old\.onnx must be of opset 17 or later, received 16"):
        add_tokenizer(source(tmp_path / "old.onnx", opset=16), target, tokenizer, LENGTH, input="token_ids")
    with pytest.raises(ValueError, match="length must be at least 2, received 1"):
        onnx_tokenizer(tokenizer, 1)
    assert not target.exists()


def test_a_unigram_tokenizer_has_no_form_in_a_graph():
    encoder = tokenizers.Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("</s>", 0.0)], unk_id=0))
    encoder.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 2)])
    with pytest.raises(ValueError, match="a tokenizer inside a graph must"):
        onnx_tokenizer(Tokenizer(encoder.to_str()), LENGTH)
