"""The loop whose clock jumps, for every test that wants it: see `irctl_campaign.virtual`."""

from irctl_campaign.virtual import VirtualLoop, run_virtual

__all__ = ["VirtualLoop", "run_virtual"]
