"""A file is named for the one thing it holds."""

from tests.house.house import files

FORBIDDEN = {"util", "utils", "helper", "helpers", "misc", "common", "manager", "managers", "handler", "handlers"}


def test_no_file_is_named_for_nothing():
    found = [str(path) for path in files() if FORBIDDEN & {part.partition(".")[0].lower() for part in path.parts}]
    assert not found, found
