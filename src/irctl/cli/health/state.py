"""The state folder: whose it is, who may read its keys, whether it can be written to, and how much room there is."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from irctl.cli.health.finding import Finding, ok, problem, unknown, warning

FEW_BYTES, SOME_BYTES = 200 * 10**6, 2 * 10**9
"""A lit lamp writes about 5 MB an hour: room for some days of treatments, and for some weeks."""
KEYS = ("journal.key", "people.key", "records.key")
AS_SERVICE = "Look as who runs irctl: sudo -u irctl irctl doctor …"


@dataclass(frozen=True, slots=True)
class KeyLook:
    """A file that only its owner may read. `mode`: its permission bits; None where that cannot be seen."""

    path: Path
    mode: int | None


@dataclass(frozen=True, slots=True)
class StateLook:
    """`why`: why it cannot be looked at, where it cannot."""

    path: Path
    exists: bool
    why: str = ""
    owner: str = ""
    user: str = ""
    mode: int = 0
    writable: bool = False
    read_only_disk: bool = False
    free_bytes: int = 0
    keys: tuple[KeyLook, ...] = ()


def look(path: Path, keys: tuple[Path, ...] = ()) -> StateLook:
    """`keys`: files elsewhere that must be as secret as those in the folder."""
    try:
        found = path.stat()
        names = set(os.listdir(path))
    except FileNotFoundError:
        return StateLook(path, exists=False)
    except OSError as error:
        return StateLook(path, exists=True, why=error.strerror or str(error))
    inside = [path / name for name in KEYS if name in names]
    return StateLook(
        path,
        exists=True,
        owner=_name(found.st_uid),
        user=_name(os.geteuid()) if sys.platform != "win32" else "",
        mode=stat.S_IMODE(found.st_mode),
        writable=os.access(path, os.W_OK | os.X_OK),
        read_only_disk=_read_only(path),
        free_bytes=shutil.disk_usage(path).free,
        keys=tuple(KeyLook(key, _mode(key)) for key in dict.fromkeys((*inside, *keys))),
    )


def state_findings(look: StateLook, *, named: bool) -> list[Finding]:
    """`named`: somebody said that it is this folder; otherwise it is only where irctl would keep it."""
    if not look.exists:
        if named:
            remedy = "Correct --state; irctl serve makes it at its first start"
            return [problem("state.folder", "{path} is not there", remedy, path=look.path)]
        return [unknown("state.folder", "{path} is not there", "Name where the controller keeps its journal: --state", path=look.path)]  # fmt: skip
    if look.why:
        return [
            unknown("state.folder", "{path} cannot be looked into: {why}", AS_SERVICE, path=look.path, why=look.why)
        ]
    told = [ok("state.folder", "{path} is there and belongs to {owner}", path=look.path, owner=look.owner)]
    told += [_writable(look), _room(look)]
    if sys.platform != "win32":
        told += [_shut(look), *(_key(key) for key in look.keys)]
    return told


def _writable(look: StateLook) -> Finding:
    if look.read_only_disk:
        remedy = (
            "A disk that failed is often mounted so: look at `dmesg`, save what is on it, then repair or replace it"
        )
        return problem("state.writable", "its disk can only be read", remedy)
    if not look.writable:
        said = "{user} may not write to it; whether {owner} may is not looked at"
        return unknown("state.writable", said, AS_SERVICE, user=look.user, owner=look.owner)
    return ok("state.writable", "can be written to")


def _room(look: StateLook) -> Finding:
    values: dict[str, object] = {"free_gb": look.free_bytes / 1e9}
    said = "{free_gb:.1f} GB are free on its disk"
    remedy = "Make room, or move closed journal files: irctl journal archive --state {path} --into FOLDER"
    if look.free_bytes < FEW_BYTES:
        return problem("state.room", said + ": when it is full, no lamp gives light", remedy, path=look.path, **values)
    if look.free_bytes < SOME_BYTES:
        return warning("state.room", said, remedy, path=look.path, **values)
    return ok("state.room", said, **values)


def _shut(look: StateLook) -> Finding:
    if look.mode & 0o022:
        remedy = "chmod 700 {path}"
        return problem("state.shut", "others may write to it (mode {mode})", remedy, path=look.path, mode=f"{look.mode:o}")  # fmt: skip
    return ok("state.shut", "only its owner may write to it (mode {mode})", mode=f"{look.mode:o}")


def _key(key: KeyLook) -> Finding:
    check, about = "state.key", key.path.name
    if key.mode is None:
        return unknown(check, "whether only its owner may read it", AS_SERVICE, about)
    if key.mode & 0o077:
        return problem(check, "others may read it (mode {mode})", "chmod 600 {path}", about, path=key.path, mode=f"{key.mode:o}")  # fmt: skip
    return ok(check, "only its owner may read it (mode {mode})", about, mode=f"{key.mode:o}")


def _mode(path: Path) -> int | None:
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode)
    return None


def _name(uid: int) -> str:
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(uid).pw_name
    return str(uid)


def _read_only(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
