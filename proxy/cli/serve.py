"""`cordon serve`: the service, in the foreground."""

from __future__ import annotations

import argparse
from pathlib import Path

from proxy.cli.command import Command, Exit, complain
from proxy.config import ConfigError, environment, load_settings
from proxy.launch import LaunchError, launch

__all__ = ["COMMANDS"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")


def _run(args: argparse.Namespace) -> int:
    try:
        settings = load_settings(args.config)
        return launch(settings, environment())
    except (ConfigError, LaunchError) as error:
        complain(str(error))
        return Exit.CONFIG


COMMANDS = (
    Command(
        "serve",
        "Run the service in the foreground until it is told to stop (Ctrl-C).",
        "cordon serve --config cordon.toml",
        _run,
        _arguments,
    ),
)
