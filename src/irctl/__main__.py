"""`python -m irctl` is `irctl`."""

import sys

from irctl.cli import main

sys.exit(main())
