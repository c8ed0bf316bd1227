"""One file reads the clock, and randomness is handed in."""

from tests.house.house import calls, imports, modules

CLOCK = "twin/clock.py"
READS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now",
    "datetime.datetime.utcnow", "datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime",
    "pd.Timestamp.now", "pandas.Timestamp.now", "Timestamp.now",
}  # fmt: skip
"""`time.monotonic` measures a while and is allowed."""
GENERATORS = {"default_rng", "Generator", "SeedSequence", "PCG64"}


def test_one_file_reads_the_clock():
    found = [
        f"{path}:{line}: {name}"
        for path in modules()
        if str(path) != CLOCK
        for line, name in calls(path)
        if name in READS
    ]
    assert not found, "use twin.clock.now(), or take `now` as an argument:\n" + "\n".join(found)


def test_the_clock_is_not_taken_apart():
    found = [
        f"{path}:{line}: {name}"
        for path in modules()
        for line, name in imports(path)
        if name in ("time.time", "time.time_ns")
    ]
    assert not found, found


def test_randomness_is_a_generator():
    found = [
        f"{path}:{line}: {name}"
        for path in modules()
        for line, name in (*imports(path), *calls(path))
        if name == "random" or name.startswith("random.")
        or (name.startswith(("np.random.", "numpy.random.")) and name.rsplit(".", 1)[1] not in GENERATORS)
    ]  # fmt: skip
    assert not found, "take a numpy.random.Generator:\n" + "\n".join(found)
