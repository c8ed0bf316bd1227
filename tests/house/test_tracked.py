"""What is committed is ours, is source, and speaks of no machine."""

import re

from tests.house.house import ROOT, files, text

BUILT_FOLDERS = {"dist", "build", "node_modules", "__pycache__", ".venv"}
BUILT = re.compile(
    r"\.(min\.(js|css)|map|woff2?|ttf|otf|parquet|tiff?|gpkg|shp|dbf|mbtiles|whl|so|pyc|wasm|zip|gz|sqlite|db)$"
)
LARGEST_BYTES = 2_000_000
PLACES = ("root", "work", "home", "Users")
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(" + "|".join(PLACES) + r")/\w")
INDEX_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com")
BINARY = {".png", ".pb", ".jpg"}


def test_nothing_built_or_foreign_is_committed():
    found = [str(path) for path in files() if BUILT_FOLDERS & set(path.parts) or BUILT.search(path.name)]
    assert not found, found


def test_nothing_large_is_committed():
    found = {str(path): size for path in files() if (size := (ROOT / path).stat().st_size) > LARGEST_BYTES}
    assert not found, found


def test_no_text_holds_a_path_of_a_machine():
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in files()
        if path.suffix not in BINARY
        for number, line in enumerate(text(path).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_text_names_a_package_index():
    found = [
        f"{path}: {host}" for path in files() if path.suffix not in BINARY for host in INDEX_HOSTS if host in text(path)
    ]
    assert not found, found
