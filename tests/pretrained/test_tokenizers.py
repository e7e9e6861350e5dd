"""Tokenizers of checkpoints; the golden ids are transformers' and sentencepiece's (tests/golden/make_tokenizers.py)."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from mmzoo.pretrained.tokenizers import read_tokenizer, write_tokenizer
from mmzoo.tokenizer import Tokenizer

GOLDEN = Path(__file__).parents[1] / "golden" / "tokenizers.zip"
NAMES = (
    *("clip_files", "clip_json", "clip_pads", "bert_uncased", "bert_cased", "bert_accents", "bert_json"),
    *("gpt2", "roberta", "siglip", "gemma", "siglip2"),
)


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizers")
    with zipfile.ZipFile(GOLDEN) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def texts(golden):
    return json.loads((golden / "strings.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def expected(golden):
    with np.load(golden / "ids.npz") as arrays:
        return dict(arrays)


@pytest.fixture
def copied(golden, tmp_path):
    """Copies one golden folder, so that a test may break it."""

    def copy(name):
        shutil.copytree(golden / name, tmp_path / name)
        return tmp_path / name

    return copy


def change(path, **settings):
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **settings}), encoding="utf-8")


def token(tokenizer, index):
    return tokenizers.Tokenizer.from_str(tokenizer.definition).id_to_token(index)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_the_peers(name, golden, texts, expected):
    ids = expected[name]
    found = read_tokenizer(golden / name)(texts, ids.shape[1])
    assert [text for text, same in zip(texts, (found == ids).all(axis=1), strict=True) if not same] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_as_the_same(name, golden, tmp_path):
    tokenizer = read_tokenizer(golden / name)
    write_tokenizer(tokenizer, tmp_path, length=20)
    assert read_tokenizer(tmp_path) == tokenizer
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


ROLES = {
    "clip_files": ("<|startoftext|>", "<|endoftext|>", "<|endoftext|>"),
    "clip_pads": ("<|startoftext|>", "<|endoftext|>", "!"),
    "bert_uncased": ("[CLS]", "[SEP]", "[PAD]"),
    "roberta": ("<s>", "</s>", "<pad>"),
    "siglip": (None, "</s>", "</s>"),
    "siglip2": (None, "<eos>", "<pad>"),
    "gemma": (None, "<eos>", "<pad>"),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles(name, golden):
    tokenizer = read_tokenizer(golden / name)
    start, end, pad = ROLES[name]
    assert (token(tokenizer, tokenizer.end_id), token(tokenizer, tokenizer.pad_id)) == (end, pad)
    if start is None:
        with pytest.raises(ValueError, match="must name the start token"):
            _ = tokenizer.start_id
    else:
        assert token(tokenizer, tokenizer.start_id) == start


def test_a_family_may_want_another_pad(golden):
    (row,) = read_tokenizer(golden / "clip_files", pad_id=0)(["hello!"], 20).tolist()
    assert row[-1] == 0
    assert read_tokenizer(golden / "clip_files")(["hello!"], 20)[0].tolist()[: row.index(0)] == row[: row.index(0)]
    with pytest.raises(
        ValueError, match=r"vocab.json must fit its roles: pad_id must be the id of a token, received 99999"
    ):
        read_tokenizer(golden / "clip_files", pad_id=99_999)


def test_a_pad_that_texts_use_stays_in_them(golden, copied):
    """transformers writes the pad of open_clip, "!", as a special token."""
    folder = copied("clip_json")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["added_tokens"].insert(0, {**content["added_tokens"][0], "id": 0, "content": "!"})
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    change(folder / "tokenizer_config.json", pad_token="!")
    tokenizer = read_tokenizer(folder)
    assert tokenizer.pad_id == 0
    (row,) = tokenizer(["!?!a!"], 20).tolist()
    assert row == read_tokenizer(golden / "clip_pads")(["!?!a!"], 20)[0].tolist()
    assert tokenizer.decode([row]) == ["!?! a !"]


def test_a_folder_without_a_tokenizer_has_none(tmp_path):
    change(tmp_path / "config.json", model_type="clip")
    change(tmp_path / "tokenizer_config.json", model_max_length=77)
    assert read_tokenizer(tmp_path) is None


def test_gpt2_ends_rows_with_its_end_token_where_nothing_is_said(golden, copied):
    folder = copied("gpt2")
    (folder / "tokenizer_config.json").unlink()
    assert read_tokenizer(folder)(["a cat"], 8).tolist() == read_tokenizer(golden / "gpt2")(["a cat"], 8).tolist()


def test_the_settings_say_which_ends_are_put_around_a_text(copied):
    folder = copied("siglip2")
    change(folder / "tokenizer_config.json", add_bos_token=True, add_eos_token=True)
    (row,) = read_tokenizer(folder)(["a"], 6).tolist()
    assert (row[0], row[2:]) == (2, [1, 0, 0, 0])


def test_the_older_map_of_special_tokens_goes_before_the_settings(copied):
    folder = copied("bert_json")
    change(folder / "special_tokens_map.json", pad_token={"content": "[MASK]", "lstrip": False})
    assert read_tokenizer(folder).pad_id == 4
    change(folder / "tokenizer_config.json", added_tokens_decoder={})
    assert read_tokenizer(folder).pad_id == 0


@pytest.mark.parametrize("model_type", ["siglip", "siglip2"])
def test_texts_of_siglip_2_are_lower_cased_under_the_name_of_gemma_too(golden, copied, model_type):
    """Gemma's own file keeps case; SigLIP 2 was trained on lower-cased texts (arXiv:2502.14786)."""
    folder = copied("siglip2")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["normalizer"] = content["normalizer"]["normalizers"][1]
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    change(folder / "tokenizer_config.json", tokenizer_class="GemmaTokenizer")
    change(folder / "config.json", model_type=model_type)
    lower = read_tokenizer(golden / "siglip2")(["a cat"], 12).tolist()
    assert read_tokenizer(folder)(["A Cat"], 12).tolist() == lower
    change(folder / "config.json", model_type="gemma")
    assert read_tokenizer(folder)(["A Cat"], 12).tolist() != lower


def test_siglip_is_known_by_its_model_where_no_tokenizer_is_named(golden, copied):
    folder = copied("siglip")
    (folder / "tokenizer_config.json").unlink()
    assert read_tokenizer(folder) == read_tokenizer(golden / "siglip")


def test_other_sentencepiece_files_keep_case_and_punctuation(golden, copied):
    folder = copied("siglip")
    change(folder / "tokenizer_config.json", tokenizer_class="T5Tokenizer", pad_token="<pad>")
    tokenizer, siglip = read_tokenizer(folder), read_tokenizer(golden / "siglip")
    assert tokenizer.decode(tokenizer(["A Cat!"], 16)) == ["A Cat!"]
    assert siglip.decode(siglip(["A Cat!"], 16)) == ["a cat"]


def test_written_for_transformers(golden, tmp_path):
    write_tokenizer(read_tokenizer(golden / "bert_cased"), tmp_path, length=20)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "BertTokenizer"
    assert (config["do_lower_case"], config["tokenize_chinese_chars"], config["model_max_length"]) == (False, False, 20)
    assert (config["cls_token"], config["sep_token"], config["pad_token"]) == ("[CLS]", "[SEP]", "[PAD]")
    write_tokenizer(read_tokenizer(golden / "clip_pads"), tmp_path, length=77)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "CLIPTokenizer"
    assert "pad_token" not in config
    write_tokenizer(Tokenizer.train(["a cat", "a dog"], 300), tmp_path, length=16)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (config["bos_token"], config["eos_token"], config["pad_token"]) == ("<start>", "<end>", "<pad>")


def test_writing_needs_a_folder_and_a_length(golden, tmp_path):
    tokenizer = read_tokenizer(golden / "bert_cased")
    with pytest.raises(FileNotFoundError, match="none must be a folder that exists"):
        write_tokenizer(tokenizer, tmp_path / "none", length=20)
    with pytest.raises(ValueError, match="length must be at least 2, received 1"):
        write_tokenizer(tokenizer, tmp_path, length=1)
    assert list(tmp_path.iterdir()) == []


BROKEN = [
    (
        "siglip2",
        "tokenizer.json",
        lambda text: text[:1000],
        "tokenizer.json must be a JSON object, received text that is",
    ),
    ("siglip2", "tokenizer.json", lambda text: b"[1]", "tokenizer.json must be a JSON object, received list"),
    (
        "siglip2",
        "tokenizer.json",
        lambda text: b"[" * 10**6,
        "tokenizer.json must be a JSON object, received text that",
    ),
    ("siglip2", "tokenizer.json", lambda text: text.replace(b'"<bos>":2', b'"<bos>":1'), "id 1 comes twice"),
    ("siglip2", "tokenizer.json", lambda text: text.replace(b'"<bos>":2', b'"<eos>":2'), "'<eos>' comes twice in one"),
    (
        "clip_files",
        "vocab.json",
        lambda text: text[:300],
        "vocab.json must be a JSON object, received text that is none",
    ),
    (
        "clip_files",
        "vocab.json",
        lambda text: b'{"a": 0, "a": 1}',
        "vocab.json must be .* 'a' comes twice in one object",
    ),
    (
        "clip_files",
        "vocab.json",
        lambda text: b'{"a": 0, "b": 0}',
        "vocab.json must give each token an id of its own, rec",
    ),
    (
        "clip_files",
        "vocab.json",
        lambda text: b'{"a": -1}',
        "vocab.json must give .* of at least 0, received -1 for 'a'",
    ),
    (
        "clip_files",
        "vocab.json",
        lambda text: b'{"a</w>": 0}',
        "vocab.json must hold the special token '<.startoftext.>'",
    ),
    (
        "clip_files",
        "merges.txt",
        lambda text: text + b"zzz qqq\n",
        "merges.txt must join tokens of vocab.json, received",
    ),
    (
        "clip_files",
        "merges.txt",
        lambda text: text + b"a b c\n",
        "merges.txt must hold two tokens in each line, received",
    ),
    ("bert_cased", "vocab.txt", lambda text: text + b"\xff\n", "vocab.txt must be UTF-8, received byte"),
    (
        "bert_cased",
        "vocab.txt",
        lambda text: text + b"[CLS]\n",
        r"vocab.txt must hold each token once, received '\[CLS\]'",
    ),
    (
        "bert_cased",
        "vocab.txt",
        lambda text: b"a\nb\n",
        r"vocab.txt must hold the special token '\[CLS\]', received one",
    ),
    ("siglip", "spiece.model", lambda text: text[:-30], "spiece.model must be a sentencepiece model, received a file"),
    ("siglip", "spiece.model", lambda text: b"", "spiece.model must have an unknown piece among its 0, received 0"),
    (
        "siglip",
        "spiece.model",
        lambda text: text[: 2 + text[1]] + text,
        "spiece.model must hold each piece once, received",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b"{",
        "tokenizer_config.json must be a JSON object, received text",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b'{"tokenizer_class": 3}',
        "tokenizer_class in .* must be a string",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b'{"pad_token": 3}',
        "pad_token in tokenizer_config.json must be a",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b'{"do_lower_case": 3}',
        "do_lower_case in .* must be true or false",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b'{"pad_token": "<none>"}',
        "spiece.model must fit its roles: pad must be",
    ),
    (
        "siglip",
        "tokenizer_config.json",
        lambda text: b'{"tokenizer_class": "XLMRobertaTokenizer"}',
        "keeps its numbers",
    ),
]


@pytest.mark.parametrize(("name", "file", "damage", "message"), BROKEN)
def test_a_broken_file_is_named(copied, name, file, damage, message):
    folder = copied(name)
    content = (folder / file).read_bytes()
    if file == "tokenizer.json":
        content = json.dumps(json.loads(content), separators=(",", ":")).encode()
    (folder / file).write_bytes(damage(content))
    with pytest.raises(ValueError, match=message):
        read_tokenizer(folder)


def test_a_vocabulary_needs_its_merges(copied):
    folder = copied("roberta")
    (folder / "merges.txt").unlink()
    with pytest.raises(ValueError, match=r"merges.txt must lie beside vocab.json"):
        read_tokenizer(folder)


@pytest.mark.parametrize(
    ("name", "file", "size"),
    [
        ("bert_cased", "vocab.txt", "67,108,864"),
        ("siglip2", "tokenizer.json", "268,435,456"),
        ("siglip", "spiece.model", "67"),
    ],
)
def test_a_huge_file_is_refused_before_it_is_read(copied, name, file, size):
    folder = copied(name)
    with (folder / file).open("r+b") as opened:
        opened.truncate(2 * 10**9)  # sparse: it takes no room
    with pytest.raises(ValueError, match=f"{file} must have at most {size}.* bytes, received 2,000,000,000"):
        read_tokenizer(folder)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(ValueError, match=r"tokenizer.json must be a regular file, received something else"):
        read_tokenizer(tmp_path)


def test_paths_in_the_settings_are_not_followed(golden, copied, tmp_path):
    """Old checkpoints name files of the machine they were made on; transformers passes them over too."""
    folder = copied("bert_cased")
    (tmp_path / "outside.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
    paths = {"vocab_file": "../outside.txt", "tokenizer_file": "/etc/passwd", "special_tokens_map_file": "../../x"}
    change(folder / "tokenizer_config.json", **paths)
    assert read_tokenizer(folder) == read_tokenizer(golden / "bert_cased")


def test_a_file_by_mmzoo_keeps_languages_and_mask(tmp_path):
    tokenizer = Tokenizer.train(["a cat", "数字"], 400, languages=["en", "zh"])
    write_tokenizer(tokenizer, tmp_path, length=16)
    change(tmp_path / "tokenizer_config.json", add_bos_token=False, add_eos_token=True)
    again = read_tokenizer(tmp_path)
    assert (again.language_ids, again.mask_id, again.end_id) == ({"en": 5, "zh": 6}, 2, 3)
    assert again(["a"], 4, "zh")[0, 0] == 6


def test_a_definition_without_any_end_says_so_when_it_is_used(tmp_path):
    encoder = tokenizers.Tokenizer(models.BPE({"a": 0}, []))
    encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="must name the end token"):
        read_tokenizer(tmp_path)(["a"], 4)
