"""The peer's side of the tokenizer tests: folders of tokenizers as checkpoints hold them, and the ids that are right.

It runs in an environment with torch, transformers, open_clip_torch (its files are read, nothing is imported) and
sentencepiece:  python tests/parity/tokens.py make FOLDER  and  python tests/parity/tokens.py again FOLDER
"""

import gzip
import importlib.util
import io
import json
import runpy
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import sentencepiece
import tokenizers
import transformers
from tokenizers import models, normalizers, pre_tokenizers, trainers
from transformers.tokenization_utils_base import generate_merges

ROOT = Path(__file__).parents[2]
LENGTHS = {"clip": 77, "siglip": 64}
COUNT = 10_000
SPECIAL = {
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    "roberta": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
}


def corpus(count, seed=0):
    """Strings of all scripts. mmzoo reads NUL as U+FFFD, its peers as a character of its own, so none holds one."""
    fuzz_corpus = runpy.run_path(str(ROOT / "mmzoo/exporters/tokens/corpus.py"))["fuzz_corpus"]
    return [text.replace("\0", "\ufffd") for text in fuzz_corpus(count, seed)]


def length_of(name):
    return LENGTHS.get(name.split("_")[0].removesuffix("2"), 48)


def ids_of(tokenizer, texts, length):
    """Rows of ids; special tokens spelled out in a text are text, as in mmzoo."""
    rows = tokenizer(
        texts, padding="max_length", truncation=True, max_length=length, padding_side="right", split_special_tokens=True
    )
    return np.array(rows["input_ids"], "int32")


def write_json(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def real_clip_merges():
    """The merges OpenAI published, in the order of the ids (49,152 less 512 bytes and 2 special tokens)."""
    file = Path(importlib.util.find_spec("open_clip").origin).with_name("bpe_simple_vocab_16e6.txt.gz")
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]


def byte_alphabet():
    """The characters that spell the 256 bytes, in the order of OpenAI's vocabularies."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]


def learnt_merges(texts, size, suffix, pre_tokenizer, normalizer=None):
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        learner.normalizer = normalizer
    options = {"end_of_word_suffix": suffix} if suffix else {}
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)
    learner.train_from_iterator(texts, trainer)
    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]


def small_clip_merges(texts, size):
    plain = transformers.CLIPTokenizer()
    return learnt_merges(texts, size, "</w>", plain._tokenizer.pre_tokenizer, plain._tokenizer.normalizer)


def write_bpe(folder, vocabulary, merges, config):
    folder.mkdir()
    write_json(folder / "vocab.json", {token: index for index, token in enumerate(vocabulary)})
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", config)


def make_clip(folder, merges):
    """vocab.json and merges.txt as OpenAI's CLIP has them; the same as one file; a pad of open_clip's."""
    alphabet = byte_alphabet()
    start, end = "<|startoftext|>", "<|endoftext|>"
    whole = [left + right for left, right in merges]
    vocabulary = [*alphabet, *(byte + "</w>" for byte in alphabet), *whole, start, end]
    roles = {"bos_token": start, "eos_token": end, "unk_token": end}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": end, **roles}
    for name, pad in (("clip_files", end), ("clip_pads", "!")):
        write_bpe(folder / name, vocabulary, merges, {**config, "pad_token": pad})
        write_json(folder / name / "config.json", {"model_type": "clip"})
    transformers.CLIPTokenizer.from_pretrained(folder / "clip_files").save_pretrained(folder / "clip_json")
    write_json(folder / "clip_json" / "config.json", {"model_type": "clip"})


def make_byte_level(folder, texts, size):
    merges = learnt_merges(texts, size, "", pre_tokenizers.ByteLevel(add_prefix_space=False))
    pieces = [*byte_alphabet(), *(left + right for left, right in merges)]
    roles = {"pad_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "add_eos_token": True}
    write_bpe(folder / "gpt2", [*pieces, "<|endoftext|>"], merges, {"tokenizer_class": "GPT2Tokenizer", **roles})
    write_json(folder / "gpt2" / "config.json", {"model_type": "gpt2"})
    named = SPECIAL["roberta"]
    config = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}
    write_bpe(folder / "roberta", [*named[:4], *pieces, named[4]], merges, config)
    write_json(folder / "roberta" / "config.json", {"model_type": "roberta"})


def make_bert(folder, texts, size):
    for name, options in {
        "bert_uncased": {"do_lower_case": True},
        "bert_cased": {"do_lower_case": False, "tokenize_chinese_chars": False},
        "bert_accents": {"do_lower_case": False, "strip_accents": True},
    }.items():
        learner = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        learner.normalizer = normalizers.BertNormalizer(
            lowercase=options["do_lower_case"],
            strip_accents=options.get("strip_accents"),
            handle_chinese_chars=options.get("tokenize_chinese_chars", True),
        )
        learner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL["bert"], show_progress=False)
        learner.train_from_iterator(texts, trainer)
        vocabulary = learner.get_vocab()
        (folder / name).mkdir()
        lines = sorted(vocabulary, key=vocabulary.get)
        (folder / name / "vocab.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        write_json(folder / name / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", **options})
        write_json(folder / name / "config.json", {"model_type": "bert"})
    transformers.BertTokenizer.from_pretrained(folder / "bert_cased").save_pretrained(folder / "bert_json")
    write_json(folder / "bert_json" / "config.json", {"model_type": "bert"})


def learn_pieces(path, texts, size, **options):
    common = {character for character, _ in Counter("".join(texts)).most_common(size // 3)}  # the others stay unknown
    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(text for text in texts if common.issuperset(text)),
        model_writer=buffer,
        vocab_size=size,
        minloglevel=2,
        num_threads=1,
        hard_vocab_limit=False,
        character_coverage=1.0,
        **options,
    )
    path.write_bytes(buffer.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=buffer.getvalue())


def make_siglip(folder, texts, size, **rules):
    (folder / "siglip").mkdir()
    learn_pieces(folder / "siglip/spiece.model", texts, size, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **rules)
    config = {"tokenizer_class": "SiglipTokenizer", "model_max_length": 64, "do_lower_case": True}
    roles = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "siglip/tokenizer_config.json", {**config, **roles})
    write_json(folder / "siglip/config.json", {"model_type": "siglip"})


def make_gemma(folder, texts, size):
    """Gemma's pieces: as SigLIP 2 by transformers, as a hub file under Gemma's name, and as a sentencepiece file."""
    (folder / "gemma").mkdir()
    rules = {"normalization_rule_name": "identity", "add_dummy_prefix": False, "remove_extra_whitespaces": False}
    ids = {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3, "pad_piece": "<pad>", "eos_piece": "<eos>"}
    pieces = learn_pieces(
        folder / "gemma/tokenizer.model",
        texts,
        size,
        model_type="bpe",
        byte_fallback=True,
        bos_piece="<bos>",
        **ids,
        **rules,
    )
    frame = {"add_bos_token": False, "add_eos_token": True}
    roles = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write_json(folder / "gemma/tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", **roles, **frame})
    vocabulary = {pieces.id_to_piece(index): index for index in range(pieces.get_piece_size())}
    vocabulary["<mask>"] = len(vocabulary)
    merges = generate_merges(vocabulary)
    peer = transformers.Siglip2Tokenizer(vocab=vocabulary, merges=merges, **frame, model_max_length=64)
    peer.save_pretrained(folder / "siglip2")
    write_json(folder / "siglip2/config.json", {"model_type": "siglip2"})


def expected(folder, texts):
    """The ids of transformers; of sentencepiece itself where transformers has no exact reader."""
    length = length_of(folder.name)
    if folder.name == "gemma":
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        rows = np.zeros((len(texts), length), "int32")
        for row, body in zip(rows, pieces.encode(texts), strict=True):
            tokens = [*body[: length - 1], 1]
            row[: len(tokens)] = tokens
        return rows
    return ids_of(transformers.AutoTokenizer.from_pretrained(folder), texts, length)


def make(folder, count=COUNT):
    """One folder for each tokenizer in FOLDER/tokens, its ids in ids.npz beside the strings."""
    transformers.logging.set_verbosity_error()
    folder = folder / "tokens"
    folder.mkdir(parents=True)
    texts, learnt = corpus(count), corpus(4_000, seed=1)
    make_clip(folder, real_clip_merges())
    make_byte_level(folder, learnt, 3_000)
    make_bert(folder, learnt, 6_000)
    make_siglip(folder, learnt, 6_000, normalization_rule_name="nmt_nfkc")
    make_gemma(folder, learnt, 6_000)
    names = sorted(path.name for path in folder.iterdir())
    np.savez_compressed(folder / "ids.npz", **{name: expected(folder / name, texts) for name in names})
    write_json(folder / "strings.json", texts)
    write_json(folder / "peer.json", {"python": sys.executable})


def again(folder):
    """The ids of what mmzoo wrote into FOLDER/written, as transformers reads it, in FOLDER/written/ids.npz."""
    transformers.logging.set_verbosity_error()
    texts = json.loads((folder / "strings.json").read_text(encoding="utf-8"))
    written = sorted(path for path in (folder / "written").iterdir() if path.is_dir())
    rows = {
        path.name: ids_of(transformers.AutoTokenizer.from_pretrained(path), texts, length_of(path.name))
        for path in written
    }
    np.savez_compressed(folder / "written" / "ids.npz", **rows)


if __name__ == "__main__":
    {"make": make, "again": again}[sys.argv[1]](Path(sys.argv[2]))
