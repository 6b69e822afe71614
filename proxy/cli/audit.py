"""`cordon audit ...`: the log of a workstation and what its officer does with it.

The workstation's verbs are in `audit_computer`, the officer's in `audit_check` and
`audit_orders`; this file is their list.
"""

from proxy.cli.audit_check import CHECKS
from proxy.cli.audit_computer import ON_THE_COMPUTER
from proxy.cli.audit_orders import ORDERS

__all__ = ["COMMANDS"]

COMMANDS = (*ON_THE_COMPUTER, *CHECKS, *ORDERS)
