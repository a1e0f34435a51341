"""Map files: what is wrong is said with its line and what would be right; what comes with irctl is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irctl.devices.finding import find_driver, installed_maps
from irctl.devices.mapped import BadMap, load_map, parse_map, schema
from irctl.devices.mapped.loading import line_of

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "src" / "irctl" / "devices" / "mapped" / "device-map.schema.json"
SHIPPED = sorted((ROOT / "drivers" / "irctl_drivers" / "maps").glob("*.toml"))
GOOD = """\
name = "acme-probe"
title = "Acme probe"
source = "Acme manual p. 3"

[points]
heat = { area = "input", at = 1, type = "s16", scale = 0.1, unit = "°C" }
kind = { area = "holding", at = 9 }

[probe.expect]
kind = [7]

[thermometers.1]
value = "heat"
"""
RELAY = """\
name = "acme-relay"
title = "Acme relay"
source = "Acme manual p. 4"

[points]
relay = { area = "coil", at = 0, write = "05", storage = "ram" }
time = { area = "holding", at = 8, write = "06", storage = "eeprom" }

[probe]
answers = "relay"

[failsafe]
class = "comm-watchdog"
time = "time"
min_s = 1.0
max_s = 60.0
step_s = 1.0

[cutoffs.1]
switch = "relay"
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_loads_is_called_like_its_file_and_names_its_source(path: Path) -> None:
    told = load_map(path)
    assert told.name == path.stem
    assert len(told.source) > 20
    assert path.read_text("utf-8").startswith("#:schema ")


def test_every_shipped_map_is_installed_and_found_by_its_name(tmp_path: Path) -> None:
    assert {path.stem for path in SHIPPED} <= set(installed_maps())
    assert find_driver("r4dcb08", tmp_path).name == "r4dcb08"


def test_a_map_beside_the_station_file_is_a_driver(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(GOOD, "utf-8")
    assert find_driver("acme.toml", tmp_path).name == "acme.toml"
    with pytest.raises(BadMap, match=r"other\.toml: cannot be read"):
        find_driver("other.toml", tmp_path)


def test_the_schema_for_editors_is_up_to_date() -> None:
    held = json.loads(SCHEMA.read_text("utf-8"))
    assert held == schema(), "write it anew: irctl map schema > src/irctl/devices/mapped/device-map.schema.json"


@pytest.mark.parametrize(
    ("text", "change", "said"),
    [
        (GOOD, ('area = "input"', 'area = "inputs"'), r":6: points\.heat\.area: 'inputs'"),
        (GOOD, ("scale = 0.1", "scael = 0.1"), r":6: points\.heat\.scael: is no key of a map"),
        (GOOD, ("at = 1,", "at = true,"), r":6: points\.heat\.at: True"),
        (GOOD, ("at = 1,", "at = 70000,"), r":6: points\.heat\.at: 70000"),
        (GOOD, ('type = "s16"', 'type = "text"'), r":6: points\.heat: a text has words"),
        (GOOD, ('"°C"', '"K"'), r":6: points\.heat\.unit: 'K' is no temperature\. Use"),
        (GOOD, ('value = "heat"', 'value = "heet"'), r":13: thermometers\.1\.value: there is no point 'heet'\. Known are heat, kind"),
        (GOOD, ("kind = [7]", ""), r":9: probe: recognises nothing"),
        (GOOD, ("kind = [7]", 'kind = ["7"]'), r":10: probe\.expect\.kind: compares a text with a number"),
        (GOOD, ("at = 9", 'at = 9, write = "06"'), r":7: points\.kind: is written, and where that is kept is not said"),
        (GOOD, ("at = 9", 'at = 9, write = "05", storage = "ram"'), r":7: points\.kind\.write: function 05 does not write a holding"),
        (GOOD, ('source = "Acme manual p. 3"', 'source = "Acme manual p. 3"\nforbidden = [9]'), r":8: points\.kind\.at: is forbidden"),
        (GOOD, ('source = "Acme manual p. 3"', 'source = "Acme manual p. 3"\nbase = 1'), None),
        (GOOD, ("at = 1,", "at = 0,"), None),
        (GOOD.replace("at = 1,", "at = 0,"), ('p. 3"', 'p. 3"\nbase = 1'), r":7: points\.heat\.at: is outside the addresses 1 to"),
        (RELAY, ('storage = "ram"', 'storage = "eeprom"'), r":20: cutoffs\.1\.switch: 'relay' is written with every renewal and kept in an EEPROM"),
        (RELAY, (', write = "05", storage = "ram"', ""), r":20: cutoffs\.1\.switch: 'relay' cannot be written"),
        (RELAY, ('"comm-watchdog"', '"none"'), r"cutoffs: without a fail-safe a cut-off protects nobody"),
        (RELAY, ('"comm-watchdog"', '"timed-output"'), r":19: cutoffs\.1: a timed output needs timed and switch"),
        (RELAY, ("max_s = 60.0\n", ""), r":12: failsafe: max_s is missing"),
        (RELAY, ("step_s = 1.0", 'step_s = 1.0\ntrip = "time"'), r":12: failsafe: a trip that nobody can clear"),
        (RELAY, ("step_s = 1.0", "step_s = 1.0\nset = [{ point = \"time\", value = \"volts\" }]"), r":18: failsafe\.set"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line_and_the_remedy(text: str, change: tuple[str, str], said: str | None) -> None:
    assert change[0] in text
    changed = text.replace(*change, 1)
    if said is None:
        parse_map(changed, "acme.toml")
        return
    with pytest.raises(BadMap, match=rf"(?m)^acme\.toml{said if said.startswith(':') else ':[0-9]+: ' + said}"):
        parse_map(changed, "acme.toml")


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(BadMap) as bad:
        parse_map(GOOD.replace('"°C"', '"K"').replace("kind = [7]", "kynd = [7]"), "acme.toml")
    assert len(str(bad.value).splitlines()) == 2


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(BadMap, match=r"not TOML: .*line 2"):
        parse_map('name = "a"\ntitle = \n', "acme.toml")


def test_a_key_is_found_in_tables_inline_tables_and_dotted_keys() -> None:
    text = "a.b = 1\n[c]\nd = { e = 1 }\n[c.f]\n# d = 2\ng = 3\n"
    places = (("a", "b"), ("c", "d", "e"), ("c", "f", "g"), ("c", "f"), ("x",))
    assert [line_of(text, place) for place in places] == [1, 3, 6, 4, 1]
