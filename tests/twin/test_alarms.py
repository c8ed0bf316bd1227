from twin.alarms import TABLE, State, Trigger, after


def test_every_cell_of_the_table() -> None:
    rows = {
        State.NORM: "UNACK NORM NORM",
        State.UNACK: "UNACK RTNUN ACKED",
        State.ACKED: "ACKED NORM ACKED",
        State.RTNUN: "UNACK RTNUN NORM",
        State.SHLVD: "SHLVD SHLVD SHLVD",
        State.DSUPR: "DSUPR DSUPR DSUPR",
        State.OOSRV: "OOSRV OOSRV OOSRV",
    }
    for state, line in rows.items():
        assert [after(state, trigger) for trigger in Trigger] == line.split()
    assert len(TABLE) == 6
