"""How often one computer may try to sign in. Each try costs a hash of a password, one at a time: a flood of them would keep everybody else waiting at the door."""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from math import ceil

TRIES_MAX = 20
"""In a minute, from one address: a whole shift that signs in at one workstation, with slips."""
WITHIN_S = 60.0
REMEMBERED_MAX = 1000
"""Addresses in memory; whoever knocked longest ago is forgotten first."""


class Knocks:
    """Not for several threads at once. `now_s`: of a clock that nobody can set."""

    def __init__(self, tries_max: int = TRIES_MAX, within_s: float = WITHIN_S, remembered_max: int = REMEMBERED_MAX):
        self._tries_max, self._within_s, self._remembered_max = tries_max, within_s, remembered_max
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> int:
        """Whole seconds until this computer may try again; 0, and one more try counted, where it may now."""
        who = _computer(address)
        tries = self._seen.setdefault(who, deque())
        self._seen.move_to_end(who)
        while len(self._seen) > self._remembered_max:
            self._seen.popitem(last=False)
        while tries and now_s - tries[0] >= self._within_s:
            tries.popleft()
        if len(tries) >= self._tries_max:
            return max(1, ceil(tries[0] + self._within_s - now_s))
        tries.append(now_s)
        return 0

    def was_right(self, address: str) -> None:
        """Who signs in has not been guessing: a clinic behind one address is not held up by its own staff."""
        if tries := self._seen.get(_computer(address)):
            tries.pop()


def _computer(address: str) -> str:
    """Of IPv6 the network: one computer there has as many addresses as it likes."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped) if known.ipv4_mapped else f"{int(known) >> 64:x}"
