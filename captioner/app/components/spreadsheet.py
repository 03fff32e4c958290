"""Text in CSV files for spreadsheets, which would compute some of it instead of showing it."""

from __future__ import annotations

import re

BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes é for Ã©

# What begins a formula, in full-width letters, too (OWASP, "CSV Injection"); after quotes of our own as well,
# so that ``unescape_formula`` brings every text back.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def escape_formula(text: str) -> str:
    """A cell that is shown as it is: behind a quote where it would be a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """What ``escape_formula`` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
