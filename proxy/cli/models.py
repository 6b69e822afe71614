"""`cordon models list | verify`: which models there are, and whether the files are the approved ones.

The other verbs of `cordon models` have files of their own and stand in the same table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.models_bench import BENCH
from proxy.cli.models_import import IMPORT
from proxy.cli.models_recommend import RECOMMEND
from proxy.cli.shelf import FileState, OnShelf, inspect, settings_or_defaults, weigh
from proxy.config import ConfigError, Settings
from proxy.imports import record_of
from proxy.licences import licence_of
from proxy.models import CatalogueModel
from proxy.policy_files import calibration_of
from proxy.stock import read_catalogue
from proxy.workers.engine.hardware import memory_available

__all__ = ["COMMANDS"]

_MIB, _GIB = 1 << 20, 1 << 30
_SHARE = 0.9
_CELLS, _GUARD_CELLS, _SLOTS = 16_384, 4_096, 4
_BESIDE = 600 << 20
"""Buffers beside weights and cache; see proxy/workers/engine/fit.py."""
_BAD = frozenset({FileState.ABSENT, FileState.DIFFERS, FileState.UNAPPROVED})


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _list(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        models = read_catalogue(settings.models).model
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    seen = [inspect(settings.models, model) for model in models]
    if args.json:
        print(json.dumps([one.body() for one in seen]))
        return Exit.DONE
    names = [Column(name, no_wrap=True) for name in ("id", "role", "licence")]
    numbers = [Column(name, no_wrap=True, justify="right") for name in ("file", "memory")]
    states = [Column(name, no_wrap=True) for name in ("here", "fits", "calibrated")]
    table = Table(*names, *numbers, *states, "recommended for", box=None, pad_edge=False)
    room = int(_SHARE * memory_available())
    for model, one in zip(models, seen, strict=True):
        use = "demonstration only" if model.demo else ", ".join(model.scenarios)
        need = model.bytes + model.kv_bytes(_GUARD_CELLS if model.role == "guard" else _CELLS, _SLOTS) + _BESIDE
        fits = "yes" if need <= room else "no"
        table.add_row(
            one.id, one.role, _licence(settings, model), _size(model.bytes), _size(need), one.state.value, fits,
            _calibrated(settings, one), use,
        )  # fmt: skip
    Console(highlight=False, width=max(130, out().width)).print(table)
    out().print(
        f"Files lie in {settings.models.dir}. Memory is for each alone, with its cache. A digest is computed by: "
        "cordon models verify", markup=False,
    )  # fmt: skip
    return Exit.DONE


def _licence(settings: Settings, model: CatalogueModel) -> str:
    """The licence, and whether the site accepted it where it asks for that."""
    licence = licence_of(model.licence)
    if model.demo or not licence.asks:
        return model.licence
    accepted = record_of(settings.models.dir, model.id) is not None or licence.id in settings.models.accepted_licences
    return f"{model.licence}, {'accepted' if accepted else 'to accept'}"


def _calibrated(settings: Settings, one: OnShelf) -> str:
    if one.role != "guard" or not one.approved:
        return ""
    return "yes" if calibration_of(settings.policy, one.approved) is not None else "no"


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count / _MIB:.1f} MiB"


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="models (default: the two of the settings)")
    _arguments(parser)


def _verify(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        chosen = _chosen(settings, args.id)
        weighed = [weigh(settings.models, model) for model in chosen]
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except OSError as error:
        complain(f"a model file cannot be read ({error.strerror}); the check is not complete")
        return Exit.FAILED
    if args.json:
        print(json.dumps([one.body() for one in weighed]))
    else:
        _show(weighed)
    return Exit.NO if any(one.state in _BAD for one in weighed) else Exit.DONE


def _chosen(settings: Settings, ids: Iterable[str]) -> list[CatalogueModel]:
    catalogue = read_catalogue(settings.models)
    answer = settings.models.answer if settings.engine.kind == "embedded" else ""
    wanted = list(ids) or [name for name in (answer, settings.models.guard) if name]
    found = {name: catalogue.find(name) for name in wanted}
    if unknown := [name for name, model in found.items() if model is None]:
        raise ConfigError(f"there is no model {', '.join(unknown)} in the catalogue; nothing was checked. "
                          "See: cordon models list")  # fmt: skip
    return [model for model in found.values() if model is not None]


def _show(weighed: Iterable[OnShelf]) -> None:
    console = out()
    for one in weighed:
        console.print(f"{one.id}: {one.state.value}", markup=False)
        console.print(f"  {one.path}", markup=False)
        if one.found:
            console.print(f"  sha256 {one.found}")
        console.print(f"  {_advice(one)}", markup=False)


def _advice(one: OnShelf) -> str:
    match one.state:
        case FileState.HOLDS:
            return "It is the approved file."
        case FileState.DIFFERS:
            return f"It must be {one.approved}. It is never loaded; copy the approved file there."
        case FileState.UNAPPROVED:
            return f'Compare it with the publisher\'s, then set under [models.pins]: "{one.id}" = "{one.found}"'
        case FileState.ABSENT:
            return "Copy the file there."
        case FileState.PRESENT:
            return "Its digest was not computed."


COMMANDS = (
    Command("models list", "List the models this build knows.", "cordon models list", _list, _arguments),
    Command(
        "models verify",
        "Compute the digest of model files and compare it with the approved one.",
        "cordon models verify demo-guard",
        _verify,
        _verify_arguments,
    ),
    RECOMMEND,
    IMPORT,
    BENCH,
)
