"""What if: simulations over the same layers. Each is a folder with a `simulation.toml` and a `city.py`."""

from simulations.registry import Simulation, simulation_of, simulations

__all__ = ["Simulation", "simulation_of", "simulations"]
