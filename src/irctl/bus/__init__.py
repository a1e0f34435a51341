"""Bytes and time: ports, Modbus, and one owner task for every line."""
