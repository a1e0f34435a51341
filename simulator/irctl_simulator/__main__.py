"""`python -m irctl_simulator` is `irctl-sim`."""

from irctl_simulator.cli import main

raise SystemExit(main())
