"""The command line: `cordon VERB`. One file a verb in `proxy/cli/`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from proxy.cli.command import Command, Exit, Parser, complain
from proxy.ownership import OwnershipError, verify_packages

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "demo": "demo", "serve": "serve", "check": "check", "redact": "redact", "judge": "judge", "models": "models",
    "eval": "eval", "policy": "policy", "pair": "pair", "token": "token", "audit": "audit", "officer": "officer",
    "enrol": "enrol",
}  # fmt: skip
"""Verb -> module of `proxy.cli`; a module is imported only when its verb is asked for, so that `--help` is quick."""

_SUMMARIES = {
    "demo": "the whole journey of a prompt, on the bundled models",
    "serve": "the service",
    "check": "what would start, and where each value comes from",
    "redact": "what would be replaced in a text",
    "judge": "what the safety model says about texts",
    "models": "which models there are, suit this computer, are approved; bring one in; how quick they are",
    "eval": "how many questions a model gets right",
    "policy": "what the rules are",
    "pair": "connect the browser panel",
    "token": "which programs may speak",
    "audit": "the log: enrol, export, verify",
    "officer": "a compliance officer's keys",
    "enrol": "take a computer into an officer's care",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        verify_packages()
    except OwnershipError as error:
        complain(str(error))
        return Exit.CONFIG
    if not words or words[0] not in COMMANDS:
        return _overview(words)
    module = importlib.import_module(f"proxy.cli.{COMMANDS[words[0]]}")
    commands: tuple[Command, ...] = module.COMMANDS
    parser = _parser(words[0], commands)
    args, left = parser.parse_known_args(words[1:])
    if left:
        parser.set_defaults(usage_status=getattr(args, "usage_status", None))
        parser.error(f"not understood: {' '.join(left)}")
    try:
        run = args.run
        return int(run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return Exit.FAILED


def _overview(words: Sequence[str]) -> int:
    parser = Parser(
        prog="cordon",
        description="A privacy cordon around clinical AI, on one computer.",
        epilog="verbs:\n" + "\n".join(f"  {name:<8} {_SUMMARIES[name]}" for name in COMMANDS) + "\n\n"
        "example:\n  cordon demo\n  cordon redact --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("verb", nargs="?", choices=[*COMMANDS], metavar="VERB", help="what to do")
    parser.add_argument("--version", action="version", version=_version())
    parser.parse_args(words)
    parser.print_help(sys.stderr)
    return Exit.USAGE


def _version() -> str:
    from importlib.metadata import version

    return f"cordon {version('cordon-proxy')}"


def _parser(verb: str, commands: Sequence[Command]) -> Parser:
    alone = len(commands) == 1 and commands[0].name == verb
    if alone:
        return _one(Parser(prog=f"cordon {verb}"), commands[0])
    parser = Parser(prog=f"cordon {verb}", description=_SUMMARIES[verb])
    below = parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser)
    for command in commands:
        _one(below.add_parser(command.name.split()[-1], help=command.summary), command)
    return parser


def _one(parser: Parser, command: Command) -> Parser:
    example = "\n".join(f"  {line}" for line in command.example.splitlines())
    parser.description, parser.epilog = command.summary, f"example:\n{example}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    command.arguments(parser)
    parser.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
