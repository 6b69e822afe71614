"""`cordon audit ...`: the log of a workstation and what its officer does with it.

The workstation's verbs are in `audit_computer`, `audit_export` and `audit_fsck`, the officer's in `audit_check`,
`audit_report`, `audit_find` and `audit_orders`; this file is their list.
"""

from proxy.cli.audit_check import CHECKS
from proxy.cli.audit_computer import ON_THE_COMPUTER
from proxy.cli.audit_export import EXPORTS
from proxy.cli.audit_find import FIND
from proxy.cli.audit_fsck import FSCK
from proxy.cli.audit_orders import ORDERS
from proxy.cli.audit_report import REPORT

__all__ = ["COMMANDS"]

COMMANDS = (*ON_THE_COMPUTER, *EXPORTS, *FSCK, *CHECKS, *REPORT, *FIND, *ORDERS)
