"""Makes the clinical NER: mix, train, export, choose thresholds, measure. One command:

    python -m models.clinical_ner.make --data DATA --encoder DIR --prose DIR --seeds 1,2,3 --out build/ner

`DATA` holds the public sets (README of the data folder), `DIR` a BERT folder, `--prose` unpacked Debian packages
(manpages-*, hunspell-*-med and w* word lists). One common trunk is trained first, narrowed (`narrow.py`) and trained
on; then every seed goes on from it for a little; the seed in the middle by documents without a leak is what is shipped
(`ship.py`), the others tell the spread. `--trunk DIR` takes weights that are there instead of training a trunk. An
interrupted run goes on with `--resume`: finished stages are kept, a broken-off one continues from its last checkpoint.
Needs `requirements.txt`; the card says how long it took. `python -m models.clinical_ner.smoke` tries the machinery.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from tokenizers import Tokenizer

from models.clinical_ner.generate import Example, Generator, load_templates
from models.clinical_ner.lexicon import LANGS, SCRIPT_LANGS, Lexicon, load_lexicon
from models.clinical_ner.mix import (
    background_sentences,
    common_words,
    meddocan,
    multiner,
    prose_examples,
    public_pieces,
    renamed,
    romanised,
    sandwich,
    to_examples,
    written,
)
from models.clinical_ner.sources import faker_regions, man_prose, medical_terms, rows, word_lists

__all__ = ["PUBLIC_HALVES", "main"]

_HERE = Path(__file__).parent
_PIECES = 126
_RENAMED = 0.6
"""How often the names in the documents of our own are other ones."""
_READ = 2_000
"""Examples on which the neurons are weighed."""
PUBLIC_HALVES = ("echr_fr_es_manual_dev.jsonl", "tab_echr_en_144_dev.jsonl", "presidio_synth_v2_dev.jsonl")
"""Half of each is trained on; `mix.is_kept_back` says which half only measures."""


class _Rounds(Sequence[list[Example]]):
    """The example lists of the rounds, each made when it is needed."""

    def __init__(self, parts: _Parts, recipe: dict[str, Any], seed: int) -> None:
        self._parts, self._recipe, self.seed = parts, recipe["mix"], seed

    def __len__(self) -> int:
        return int(self._recipe["rounds"])

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError(index)
        mix, parts = self._recipe, self._parts
        rng = random.Random(1000 * self.seed + index)
        generator = Generator(parts.lexicon, load_templates(_HERE / "templates"), 1000 * self.seed + index)
        made: list[Example] = []
        for lang in (*LANGS, *SCRIPT_LANGS):
            made += generator.documents(mix["documents"][lang], (lang,), plain_share=mix["plain_share"])
        made = list(sandwich(made, parts.filling, rng, share=mix["sandwich_share"]))
        background = rng.sample(parts.background, min(len(parts.background), mix["background"]))
        groups = parts.lexicon.groups

        def name() -> str:
            group = rng.choice(groups)
            return rng.choice(group.given if rng.random() < 0.7 else group.last)

        for _ in range(mix["written_repeats"]):
            for lang, text in parts.written:
                made += written(text, lang, name if rng.random() < _RENAMED else None)
        made += [e for _ in range(mix["renamed_repeats"]) for e in renamed(parts.rows_en, name, given=parts.given)]
        prose = prose_examples({k: v for k, v in parts.filling.items() if k != "en"}, rng, mix["prose_per_language"])
        every = made + to_examples(background, "en", "background") + prose + parts.labelled(rng, mix)
        return [romanised(example) for example in every]


class _Parts:
    """What every round draws from."""

    def __init__(self, data: Path, prose: Path, recipe: dict[str, Any]) -> None:
        mix = recipe["mix"]
        self.rows_en = rows_en = rows(data / "pii_train" / "clinical_background_en.jsonl")
        regions = faker_regions()
        self.given = given = frozenset(w.lower() for r, f in regions.items() if r.startswith("en") for w in f["given"])
        self.background = background_sentences(rows_en, share=mix["background_held_out"], given=given)
        self.lexicon: Lexicon = load_lexicon(
            _HERE / "names",
            "train",
            extra=regions,
            words={**word_lists(prose), "en": tuple(sorted(common_words(rows_en)))},
            terms=medical_terms(prose),
        )
        self._meddocan = meddocan(rows(data / "pii_train" / "meddocan_es_train.jsonl"))
        self.filling = {**man_prose(prose), "en": self.background}
        self.filling["es"] = self.filling["es"] + [e.text for e in self._meddocan if not e.spans]
        sentences = rows(data / "pii_train" / "multiner_en_si_ta_train.jsonl")
        self._english = multiner(sentences, share=mix["multiner_held_out"], langs=("en",))
        self.scripts = multiner(sentences, share=mix["multiner_held_out"], langs=("si", "ta"))
        self.written = [(p.name[:2], p.read_text("utf8")) for p in sorted((_HERE / "written").glob("*.txt"))]
        self._public = [e for name in PUBLIC_HALVES for e in public_pieces(rows(data / "pii_dev" / name))]

    def labelled(self, rng: random.Random, mix: dict[str, Any]) -> list[Example]:
        """Return the labelled pieces of one round: small sets several times, large ones in part."""
        out = self._english * int(mix["english_repeats"]) + self._public * int(mix["public_repeats"])
        for pieces, share in ((self._meddocan, mix["meddocan_share"]), (self.scripts, mix["scripts_share"])):
            out += rng.sample(pieces, round(share * len(pieces)))
        return out


def _check_encoder(folder: Path, expected: str) -> None:
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != expected:
        sys.exit(
            f"encoder weights are not the expected ones (sha256 {found}); nothing was trained; get the named package"
        )


def _said(what: str, steps: int, progress: Progress) -> Callable[[int, float, float], None]:
    """Return what shows the progress of one stage: a bar on a terminal, a line now and then elsewhere."""
    task = progress.add_task(what, total=steps)

    def said(step: int, loss: float, seconds: float) -> None:
        progress.update(task, completed=step, description=f"{what}, loss {loss:.4f}")
        if not progress.console.is_terminal and step % 50 == 0:
            print(f"{what}: step {step}/{steps}, loss {loss:.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)

    return said


def _stage(name: str, options: argparse.Namespace, plan: dict[str, Any], rounds: _Rounds, start: Path) -> Path:
    """Train one stage, unless its weights are there."""
    from models.clinical_ner.train import Run, Settings, train

    out = options.out / name
    if (out / "training.json").exists():
        return out
    settings = Settings(**plan)
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        run = Run(start, out, rounds.seed, _said(name, settings.steps, progress))
        result = train(rounds, settings, run)
    (out / "training.json").write_text(json.dumps({"seed": rounds.seed, **result}, indent=1))
    return out


def _train(options: argparse.Namespace, recipe: dict[str, Any], parts: _Parts) -> Iterator[Path]:
    """Train the trunk, narrow it, train it on, then every seed from there."""
    common = recipe["training"]
    trunk = options.trunk
    if trunk is None:
        start = _with_pieces(options.encoder, options.out / "pieces", parts.scripts)
        trunk = _stage("trunk", options, common | recipe["trunk"], _Rounds(parts, recipe, 0), start)
    rounds = _Rounds(parts, recipe, 1)
    narrow = _narrowed(trunk, options.out / "narrow", rounds, recipe["narrow"]["keep"])
    body = _stage("body", options, common | recipe["body"], rounds, narrow)
    longer = _stage("longer", options, common | recipe["longer"], _Rounds(parts, recipe, 7), body)
    for seed in map(int, options.seeds.split(",")):
        rounds = _Rounds(parts, recipe, seed)
        yield _stage(f"seed-{seed}", options, common | recipe["seed"], rounds, longer)


def _with_pieces(encoder: Path, out: Path, scripts: Sequence[Example]) -> Path:
    """Give the encoder word pieces for Sinhala and Tamil, learnt from what it will be trained on."""
    from models.clinical_ner.pieces import SCRIPTS, with_pieces

    if (out / "tokenizer.json").exists():
        return out
    generator = Generator(load_lexicon(_HERE / "names", "train"), load_templates(_HERE / "templates"), 6)
    texts = {}
    for lang in SCRIPTS:
        made = [document.text for document in generator.documents(1_000, (lang,))]
        texts[lang] = made + [example.text for example in scripts if example.lang == lang]
    return with_pieces(encoder, out, texts)


def _calibration() -> list[str]:
    """Return generated text of every language, for the sizes of activations."""
    generator = Generator(load_lexicon(_HERE / "names", "train"), load_templates(_HERE / "templates"), 5)
    documents = generator.documents(300, (*LANGS, *SCRIPT_LANGS))
    return [romanised(document).text for document in documents]


def _narrowed(trunk: Path, out: Path, rounds: _Rounds, keep: int) -> Path:
    """Take the least used neurons out of the trunk's lower layers."""
    from models.clinical_ner.early import load_early
    from models.clinical_ner.narrow import narrow

    if (out / "tokenizer.json").exists():
        return out
    tokenizer = Tokenizer.from_file(str(trunk / "tokenizer.json"))
    texts = [example.text for example in rounds[0][:_READ]]
    windows = [e.ids[:_PIECES] for e in tokenizer.encode_batch(texts, add_special_tokens=False) if e.ids]
    model = load_early(trunk).eval()
    print(f"kept of the lower layers: {narrow(model, windows, keep)}")
    model.save(out)
    tokenizer.save(str(out / "tokenizer.json"))
    return out


def _finish(weights: Path, data: Path) -> float:
    """Export one seed, choose thresholds, measure; return its mean zero-leak rate."""
    from models.clinical_ner import evaluate, exits
    from models.clinical_ner.branch import branch
    from models.clinical_ner.early import Exit
    from models.clinical_ner.export import export
    from models.clinical_ner.labels import KINDS, write_labels

    out, places = weights / "out", ["--model", str(weights / "out"), "--data", str(data)]
    for folder, rule in ((out, None), (out / "all", Exit(reach=_PIECES, low=0.0, high=1.0))):
        export(weights, folder, _calibration(), rule)
        branch(folder / "staged.onnx", folder / "model.onnx")
        write_labels(folder, dict.fromkeys(KINDS, 0.5), dict.fromkeys(KINDS, 0.9))
    evaluate.main([*places, "--choose", "--json", str(out / "measured.json")])
    exits.main(places)
    report = json.loads((out / "measured.json").read_text())["balanced"]
    rates = [r["rates"]["zero_leak"] for r in report.values() if r["spans"]]
    return sum(rates) / len(rates)


def main() -> int:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--prose", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--trunk", type=Path, help="a folder of weights the seeds begin with")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run into the same folder stopped")
    parser.add_argument("--steps", type=int, help="of every stage, instead of the recipe's: for a trial run")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.out.exists() and any(options.out.iterdir()) and not options.resume:
        parser.error(f"{options.out} is not empty; nothing was trained; name another folder, or go on with --resume")
    recipe = tomllib.loads((_HERE / "recipe.toml").read_text("utf8"))
    if options.steps:
        for stage in ("trunk", "body", "longer", "seed"):
            recipe[stage]["steps"] = options.steps
    if options.trunk is None:
        if options.encoder is None:
            parser.error("--encoder or --trunk is needed; nothing was trained")
        _check_encoder(options.encoder, recipe["encoder"]["sha256"])
    parts = _Parts(options.data, options.prose, recipe)
    begun = time.monotonic()
    found = [(_finish(out, options.data), out) for out in _train(options, recipe, parts)]
    for rate, folder in found:
        print(f"{folder}: mean zero-leak {rate:.1f} %")
    _, middle = sorted(found)[(len(found) - 1) // 2]
    print(f"ship {middle / 'out'}; all of it took {(time.monotonic() - begun) / 60:.0f} minutes")
    return 0


if __name__ == "__main__":
    if sys.flags.hash_randomization:  # some of Faker's lists are sets: what is drawn from them follows their order
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
