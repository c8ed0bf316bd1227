"""The environment is read by the settings, and by nobody else."""

from tests.house.house import calls, modules

ALLOWED = {
    "twin/settings.py": "the settings themselves",
    "backend/supervisor.py": "hands the environment on to its children",
    "frontend/build.py": "hands the environment on to npm and esbuild",
}
NAMES = {"os.environ", "os.environb", "os.getenv", "os.putenv"}


def test_the_environment_is_read_in_one_place():
    found = [
        f"{path}:{line}: {name}"
        for path in modules()
        if str(path) not in ALLOWED
        for line, name in calls(path)
        if name in NAMES
    ]
    assert not found, "add a field to twin.settings.Settings:\n" + "\n".join(found)
