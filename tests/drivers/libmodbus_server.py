"""A Modbus server of libmodbus (Debian's libmodbus5), by ctypes: one unit, tables given as JSON on the command line.

    python libmodbus_server.py tcp PORT UNIT TABLES       python libmodbus_server.py rtu DEVICE UNIT TABLES

TABLES: {"coil": {"0": 1}, "discrete": …, "holding": …, "input": …}. Prints "ready" once it listens.
"""

from __future__ import annotations

import ctypes
import json
import sys
from ctypes.util import find_library

ADDRESSES = 4096
ADU_MAX = 260


class Mapping(ctypes.Structure):
    """modbus_mapping_t of libmodbus 3.1."""

    _fields_ = [
        *((f"nb_{name}", ctypes.c_int) for name in ("bits",)), ("start_bits", ctypes.c_int),
        ("nb_input_bits", ctypes.c_int), ("start_input_bits", ctypes.c_int),
        ("nb_input_registers", ctypes.c_int), ("start_input_registers", ctypes.c_int),
        ("nb_registers", ctypes.c_int), ("start_registers", ctypes.c_int),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)), ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)), ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]  # fmt: skip


def main(kind: str, where: str, unit: int, tables: dict[str, dict[str, int]]) -> None:
    library = ctypes.CDLL(find_library("modbus"))
    for function in ("modbus_new_tcp", "modbus_new_rtu"):
        getattr(library, function).restype = ctypes.c_void_p
    library.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    mapping = library.modbus_mapping_new(*[ADDRESSES] * 4)
    table_of = {
        "coil": "tab_bits",
        "discrete": "tab_input_bits",
        "input": "tab_input_registers",
        "holding": "tab_registers",
    }
    for area, cells in tables.items():
        for address, value in cells.items():
            getattr(mapping.contents, table_of[area])[int(address)] = value & 0xFFFF
    if kind == "tcp":
        context = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", int(where)))
        listening = library.modbus_tcp_listen(context, 1)
        print("ready", flush=True)
        library.modbus_tcp_accept(context, ctypes.byref(ctypes.c_int(listening)))
    else:
        context = ctypes.c_void_p(library.modbus_new_rtu(where.encode(), 9600, ctypes.c_char(b"N"), 8, 1))
        library.modbus_set_slave(context, unit)
        if library.modbus_connect(context):
            raise SystemExit(f"cannot open {where}")
        print("ready", flush=True)
    query = (ctypes.c_uint8 * ADU_MAX)()
    while True:
        length = library.modbus_receive(context, query)
        if length > 0:
            library.modbus_reply(context, query, length, mapping)
        elif length < 0 and kind == "tcp":
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
