"""Put on a process' path, it lets its host's clock be wrong by ``SKEW_SECONDS``."""

import os
import time

_true = time.time
_skew = float(os.environ.get("SKEW_SECONDS", "0"))

time.time = lambda: _true() + _skew
