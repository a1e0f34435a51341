"""Exit codes: part of the interface, told in `irctl --help`."""

from __future__ import annotations

OK = 0
FAILED = 1
"""It was tried and did not succeed: a lamp is not verified dark, a treatment ended before its dose, a device does not answer."""
USAGE = 2
REFUSED = 3
"""Nothing was done: an order, a verb or a configuration with something wrong in it."""
UNREACHABLE = 4
"""No controller answers at the address."""
DOES_NOT_HOLD = 5
"""What was to be proven genuine is not: a journal's chain, a certificate, an exported session."""

EXPLAINED = (
    (OK, "done"),
    (FAILED, "tried without success: lamp not dark, treatment cut short, device silent"),
    (USAGE, "the command was not understood"),
    (REFUSED, "refused, with every reason; nothing was done"),
    (UNREACHABLE, "no controller answers"),
    (DOES_NOT_HOLD, "a journal's chain, a certificate or an exported session does not hold"),
)
