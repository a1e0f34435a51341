"""What a device can be to a lamp, and how its driver is found."""
