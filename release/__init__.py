"""What a release is made of beside the code: see `make dist`."""
