"""What we show: one folder per live layer, and what reads and checks their messages."""

from layers.registry import ENTRY_POINTS, LoadedLayer, load_layers

__all__ = ["ENTRY_POINTS", "LoadedLayer", "load_layers"]
