"""Shifts the clock of a process by ``CLOCK_SHIFT`` seconds if this directory is on its path."""

import os
import time

_real_time = time.time
_shift = float(os.environ.get("CLOCK_SHIFT", "0"))

time.time = lambda: _real_time() + _shift
