"""Drivers shipped with irctl: one file a device family, registered like anybody else's."""
