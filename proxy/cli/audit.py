"""`cordon audit ...`: the log of a workstation and what its officer does with it.

The workstation's verbs are in `audit_computer`, the officer's in `audit_check`,
`audit_report` and `audit_orders`; this file is their list.
"""

from proxy.cli.audit_check import CHECKS
from proxy.cli.audit_computer import ON_THE_COMPUTER
from proxy.cli.audit_orders import ORDERS
from proxy.cli.audit_report import REPORT

__all__ = ["COMMANDS"]

COMMANDS = (*ON_THE_COMPUTER, *CHECKS, *REPORT, *ORDERS)
