"""Runs lkdiag in a process of its own, and says what it took: `python tests/measured.py ARGUMENT...`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    began_s = time.perf_counter()
    lkdiag = str(Path(sys.executable).parent / "lkdiag")
    child = os.posix_spawn(lkdiag, [lkdiag, *sys.argv[1:]], os.environ)
    _, status, used = os.wait4(child, 0)
    took_s = time.perf_counter() - began_s
    about = {
        "exit": os.waitstatus_to_exitcode(status),
        "seconds": round(took_s, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
    }
    sys.stderr.write(f"{json.dumps(about)}\n")
