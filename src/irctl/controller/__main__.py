"""`python -m irctl.controller`: the controller as the supervisor's child. People run `irctl serve`.

Its own entry point, because the command line's parser and its terminal would keep a lit lamp waiting for another tenth of a second.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from irctl.controller.config import load
from irctl.controller.serve import serve
from irctl.domain.problems import Refused
from irctl.rope import Rope

REFUSED = 3


def main() -> int:
    options = _options()
    rope = Rope("the controller")
    try:
        config = load(options.config)
        if options.port is not None:
            api = config.file.api.model_copy(update={"port": options.port})
            config = replace(config, file=config.file.model_copy(update={"api": api}))
        if options.clinic_port is not None:
            clinic = config.file.clinic.model_copy(update={"port": options.clinic_port})
            config = replace(config, file=config.file.model_copy(update={"clinic": clinic}))
        where = {"endpoints": options.sim_endpoints, "trace": options.trace}
        asyncio.run(serve(config, options.state, rope, previous=options.previous, **where))
    except Refused as refused:
        rope.refused([problem.as_dict() for problem in refused.problems])
        return REFUSED
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m irctl.controller", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--sim-endpoints", type=Path)
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--clinic-port", type=int)
    parser.add_argument("--previous", help="how the controller before this one ended")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
