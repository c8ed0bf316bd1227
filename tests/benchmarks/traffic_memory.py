"""A process that does nothing but drive the trips it is given on standard input; it tells its peak memory [MB].

The peak is read from /proc: `getrusage` counts what the parent held before this process began.
"""

import pickle
import re
import sys
from pathlib import Path

from simulations.traffic.sim import TrafficSim

if __name__ == "__main__":
    net, trips, zones, end_s = pickle.load(sys.stdin.buffer)
    TrafficSim(net, trips, zones).run_to(end_s)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    print(int(peak[1]) * 1024 / 1e6)
