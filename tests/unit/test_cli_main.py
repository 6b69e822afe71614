"""The command line as a whole: every verb is there, and every `--help` ends with an example that parses.

Statuses are those of the table, and nothing heavy is imported for a question about usage.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from proxy import __main__ as program
from proxy.__main__ import COMMANDS, main
from proxy.cli.command import Command, Exit, Parser
from proxy.ownership import OwnershipError
from tests.kit.commands import cordon

ROOT = Path(__file__).resolve().parents[2]


def verbs() -> list[tuple[str, Command]]:
    return [
        (verb, command)
        for verb, module in COMMANDS.items()
        for command in importlib.import_module(f"proxy.cli.{module}").COMMANDS
    ]


ALL = verbs()


def test_the_verbs_of_the_manual_are_all_there() -> None:
    wanted = {"demo", "serve", "check", "redact", "judge", "models", "policy", "token", "audit", "officer", "enrol"}
    assert wanted <= set(COMMANDS)
    assert set(COMMANDS) == set(program._SUMMARIES)


@pytest.mark.parametrize(("verb", "command"), ALL, ids=[command.name for _, command in ALL])
def test_help_says_what_it_does_and_ends_with_an_example(verb: str, command: Command) -> None:
    words = command.name.split()
    assert words[0] == verb
    ran = cordon(*words, "--help")
    assert ran.status == 0
    assert " ".join(command.summary.split()) in " ".join(ran.out.split())
    last = ran.out.rstrip().split("example:\n")[-1].splitlines()
    assert [line.strip() for line in last] == command.example.splitlines()


@pytest.mark.parametrize(("verb", "command"), ALL, ids=[command.name for _, command in ALL])
def test_the_examples_parse(verb: str, command: Command) -> None:
    module = importlib.import_module(f"proxy.cli.{COMMANDS[verb]}")
    for line in command.example.splitlines():
        words = shlex.split(re.split(r"\| (?=cordon)", line)[-1].split(" > ")[0])
        assert words[0] == "cordon"
        args, left = program._parser(verb, module.COMMANDS).parse_known_args(words[2:])
        assert left == []
        assert args.run is command.run


def manual_lines() -> list[str]:
    """The commands in code blocks of the manual."""
    blocks = "".join(
        part for page in sorted((ROOT / "docs" / "howto").glob("*.md")) for part in page.read_text().split("```")[1::2]
    )
    return [line for line in blocks.splitlines() if line.startswith("cordon ")]


def test_the_manual_has_commands() -> None:
    assert len(manual_lines()) >= 5


@pytest.mark.parametrize("line", manual_lines())
def test_the_commands_of_the_manual_parse(line: str) -> None:
    verb, *words = shlex.split(line, comments=True)[1:]
    module = importlib.import_module(f"proxy.cli.{COMMANDS[verb]}")
    args, left = program._parser(verb, module.COMMANDS).parse_known_args(words)
    assert left == []
    assert callable(args.run)


def test_summaries_are_sentences_of_one_line_and_names_are_unique() -> None:
    names = [command.name for _, command in ALL]
    assert len(set(names)) == len(names)
    assert [c.name for _, c in ALL if "\n" in c.summary or not re.search(r"[.?)]$", c.summary)] == []


@pytest.mark.parametrize("words", [(), ("no-such-verb",), ("audit",), ("audit", "no-such"), ("serve", "--colour")])
def test_wrong_use_is_64(words: tuple[str, ...]) -> None:
    ran = cordon(*words)
    assert (ran.status, ran.out) == (64, "")
    assert ran.err


def test_a_verb_may_have_a_usage_status_of_its_own() -> None:
    parser = Parser(prog="x")
    with pytest.raises(SystemExit) as left:
        parser.error("wrong")
    assert left.value.code == 64
    parser.set_defaults(usage_status=4)
    with pytest.raises(SystemExit) as left:
        parser.error("wrong")
    assert left.value.code == 4


def test_help_and_version_are_results() -> None:
    overview = cordon("--help")
    assert overview.status == 0
    assert all(verb in overview.out for verb in COMMANDS)
    version = cordon("--version")
    assert version.status == 0
    assert re.fullmatch(r"cordon \d+\.\d+.*\n", version.out)


def test_nothing_runs_where_our_packages_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def foreign() -> None:
        raise OwnershipError("the package `proxy` is not Cordon's own alone")

    monkeypatch.setattr(program, "verify_packages", foreign)
    ran = cordon("models", "list")
    assert (ran.status, ran.out, "not Cordon's own" in ran.err) == (78, "", True)


@pytest.mark.parametrize(("raised", "status"), [(KeyboardInterrupt, 130), (BrokenPipeError, 2)])
def test_ending_early_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], status: int
) -> None:
    from proxy.cli import models

    def interrupted(_: object) -> int:
        raise raised

    commands = tuple(Command(c.name, c.summary, c.example, interrupted, c.arguments) for c in models.COMMANDS)
    monkeypatch.setattr(models, "COMMANDS", commands)
    assert main(["models", "list"]) == status


def test_the_statuses_are_those_of_sysexits() -> None:
    assert {member.name: member.value for member in Exit} == {
        "DONE": 0,
        "NO": 1,
        "FAILED": 2,
        "USAGE": 64,
        "CONFIG": 78,
    }


def test_a_question_about_usage_imports_nothing_heavy() -> None:
    heavy = ("presidio_analyzer", "spacy", "onnxruntime", "llama_cpp", "aiohttp", "cryptography", "numpy")
    code = (
        "import json, sys\nfrom proxy.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print(json.dumps([name for name in {heavy!r} if name in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == []
