"""`cordon policy list | show | check`: what the rules are, and whether a site's own file is one.

Law: nothing here changes a rule; a file that would not load is said so before a service has to.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from filters.switches import Switches
from policies.document import document
from policies.load import load_policy, read_regime
from policies.model import Policy, PolicyError, Regime
from proxy.build import rules_of
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, PolicySettings, Settings
from proxy.policy_files import read_policy, read_rules, shipped_guidelines, shipped_policies, site_policies
from proxy.stock import read_catalogue

__all__ = ["COMMANDS"]
