"""Writes tokenizers.zip: small tokenizers as checkpoints hold them, strings of all scripts and the ids that are right.

Run once, in an environment of its own:  pip install torch==2.13.0 transformers==5.17.0 sentencepiece==0.2.3 &&
python tests/golden/make_tokenizers.py
"""

import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.with_name("parity")))

import numpy as np  # noqa: E402
import tokens  # noqa: E402

STRINGS = 300
CHARACTERS = 24  # so many characters of a string are enough to tell tokenizers apart, and keep the file small
NFKC = "ﬁ\tfi\nＡ\tA\n１\t1\n½\t1/2\n\u3000\t \n"  # a few rules: the whole table is larger than all the rest


def main() -> None:
    tokens.LENGTHS = dict.fromkeys(tokens.LENGTHS, 20)  # some rows lose their tail
    texts = [text[:CHARACTERS] for text in tokens.corpus(4 * STRINGS)[::4]]
    captions = [text for text in tokens.corpus(4_000, seed=1) if text.isascii()][:600] + tokens.corpus(60, seed=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = folder / "rules.tsv"
        lines = (
            "\t".join(" ".join(f"{ord(c):X}" for c in side) for side in line.split("\t")) for line in NFKC.splitlines()
        )
        rules.write_text("".join(line + "\n" for line in lines))
        tokens.make_clip(folder, tokens.small_clip_merges(captions, 400))
        tokens.make_byte_level(folder, captions, 400)
        tokens.make_bert(folder, captions, 500)
        tokens.make_siglip(folder, captions, 500, normalization_rule_tsv=str(rules))
        tokens.make_gemma(folder, captions, 700)
        rules.unlink()
        folders = sorted(folder.iterdir())
        tokens.write_json(folder / "strings.json", texts)
        np.savez_compressed(folder / "ids.npz", **{each.name: tokens.expected(each, texts) for each in folders})
        with zipfile.ZipFile(HERE / "tokenizers.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    entry = zipfile.ZipInfo(
                        path.relative_to(folder).as_posix()
                    )  # of 1980: the same files, the same zip
                    archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
