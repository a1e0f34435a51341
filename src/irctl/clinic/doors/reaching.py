"""How a browser reaches a station. The one whose controller is on its own computer directly, so that STOP and the live figures need neither network nor clinic; every other by the clinic's relay."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from irctl.clinic.lamps.stations import Station
from irctl.listening import LOOPBACK

RELAY = "/relay"


def address(station: Station, browser: str | None, stations: Iterable[Station]) -> str:
    """What stands before `/v1/…` in this browser. `browser`: the address that it comes from; None where nobody knows."""
    if station.browser_url is not None:
        return station.browser_url
    if _same_computer(station, browser, stations):
        return station.own_url
    return f"{RELAY}/{station.name}"


def of_this_computer(browser: str | None, stations: Iterable[Station]) -> Station | None:
    """The one whose controller is on the browser's own computer, where there is just one."""
    every = list(stations)
    found = [station for station in every if _same_computer(station, browser, every)]
    return found[0] if len(found) == 1 else None


def _same_computer(station: Station, browser: str | None, stations: Iterable[Station]) -> bool:
    """Where several controllers share an address, such as behind a router, it says nothing."""
    if browser is None:
        return False
    if station.host in LOOPBACK:
        return browser in LOOPBACK
    return _same(station.host, browser) and sum(other.host == station.host for other in stations) == 1


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False
