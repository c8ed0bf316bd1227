import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin import frame


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255), st.floats(allow_nan=False)), max_size=40))
def test_columns_come_back_as_they_were(rows: list[tuple[int, int, float]]) -> None:
    asset, severity, time = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [
        ("asset", np.array(asset, np.uint32)),
        ("severity", np.array(severity, np.uint8)),
        ("time", np.array(time, np.float64)),
    ]
    data = frame.encode({"layer": "교통"}, columns)
    header, back = frame.decode(data)
    assert (header["layer"], header["n"]) == ("교통", len(rows))
    for name, array in columns:
        assert (back[name] == array).all()
    assert len(data) % 8 == 0


def test_columns_start_at_a_multiple_of_eight() -> None:
    data = frame.encode({"layer": "x"}, [("asset", np.array([7], np.uint32))])
    length = int.from_bytes(data[:4], "little")
    assert (4 + length) % 8 == 0
    assert np.frombuffer(data, "<u4", 1, 4 + length)[0] == 7
