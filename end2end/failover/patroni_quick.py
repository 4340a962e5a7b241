"""Patroni with a lower floor for `ttl`, for rehearsals only: a failover then takes 6 to 9 s instead of 17 to 25.

Patroni accepts no `ttl` below 20 s, for good reasons on real networks. Everything else is Patroni as installed.
"""

import sys

from patroni.__main__ import main
from patroni.config import Config

FLOOR = 6
adjust = Config._Config__get_and_maybe_adjust_int_value


def with_lower_floor(self, config, param, min_value):
    return adjust(self, config, param, min(min_value, FLOOR) if param == "ttl" else min_value)


Config._Config__get_and_maybe_adjust_int_value = with_lower_floor

if __name__ == "__main__":
    sys.exit(main())
