"""Find the layers: every folder here that holds a `layer.toml`, and the packages others bring by entry point.

A layer of one's own is a package with `layer.toml`, `sample.*` and perhaps `adapter.py`, named in its
`pyproject.toml` under the entry points `gunsan_twin.layers`.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from layers import flat
from twin.errors import BadLayer
from twin.layer import Layer, read_layer
from twin.report import Adapter

ENTRY_POINTS = "gunsan_twin.layers"
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class LoadedLayer:
    """A layer ready for use.

    Parameters
    ----------
    spec
        Its `layer.toml`.
    adapt
        Reads its messages; fresh for every call of `load_layers`.
    sample
        One message as its source sends it.
    """

    spec: Layer
    adapt: Adapter
    sample: bytes


def load_layers() -> dict[str, LoadedLayer]:
    """Load every layer, in order of its id.

    Raises
    ------
    BadLayer
        For a declaration that breaks its contract, an id that stands twice, a sample or an adapter that is missing.
    """
    found = [(folder.parent, f"layers.{folder.parent.name}") for folder in HERE.glob("*/layer.toml")]
    for point in entry_points(group=ENTRY_POINTS):
        module = point.load()
        if getattr(module, "__file__", None) is None:
            raise BadLayer(f"entry point {point.name!r} of {ENTRY_POINTS}: {point.value} is no package with a file")
        found.append((Path(module.__file__).parent, module.__name__))
    layers: dict[str, LoadedLayer] = {}
    for folder, package in sorted(found, key=lambda place: place[0].name):
        layer = load_layer(folder, package)
        if layer.spec.id in layers:
            raise BadLayer(f"{folder}: a layer {layer.spec.id!r} exists already")
        layers[layer.spec.id] = layer
    return layers


def load_layer(folder: Path, package: str) -> LoadedLayer:
    """Load the layer of a folder; `package` is the name under which its `adapter.py` is imported.

    Raises
    ------
    BadLayer
        With the folder and what is wrong with it.
    """
    spec = read_layer(folder / "layer.toml")
    samples = sorted(folder.glob("sample.*"))
    if len(samples) != 1:
        raise BadLayer(f"{folder}: needs exactly one sample.*, has {len(samples)}")
    return LoadedLayer(spec, _adapter(spec, folder, package), samples[0].read_bytes())


def _adapter(spec: Layer, folder: Path, package: str) -> Adapter:
    """Return the layer's own adapter (`adapt`, or `new_adapter()` for one that must remember), else the flat one."""
    if not (folder / "adapter.py").exists():
        return flat.adapter_of(spec)
    module = import_module(f"{package}.adapter")
    adapter: Adapter | None = module.new_adapter() if hasattr(module, "new_adapter") else getattr(module, "adapt", None)
    if adapter is None:
        raise BadLayer(f"{folder / 'adapter.py'}: defines neither adapt nor new_adapter")
    return adapter
