"""What compiles the engines: numba, told of the widest vectors of the processor and of threads that sleep."""

import numba
from numba import get_thread_id, njit, prange, set_num_threads  # type: ignore[attr-defined]
from numba.core.codegen import get_host_cpu_features

__all__ = ["get_thread_id", "most_threads", "njit", "prange", "set_num_threads"]

# those of OpenMP burn a busy machine while they wait
numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
FEATURES = get_host_cpu_features()  # type: ignore[no-untyped-call]
if "+avx512f" in FEATURES and numba.config.CPU_FEATURES is None:  # type: ignore[attr-defined]
    # LLVM shuns the widest vectors of many processors that have them; the sweep of the flood is faster with them
    numba.config.CPU_FEATURES = f"{FEATURES},-prefer-256-bit"  # type: ignore[attr-defined]


def most_threads() -> int:
    """Return how many threads this process may use."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
