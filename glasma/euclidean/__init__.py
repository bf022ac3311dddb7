"""Monte Carlo sampling of Euclidean lattice gauge theory: configurations to train and test on."""

from glasma.euclidean.autocorrelation import autocorrelation_time, mean_and_error
from glasma.euclidean.configuration_file import Configurations, load_configurations
from glasma.euclidean.draw import draw_configurations
from glasma.euclidean.heat_bath import HeatBath
from glasma.euclidean.observables import plaquette, polyakov_loops, wilson_loops
from glasma.euclidean.sampling import Sampling
from glasma.euclidean.topological_charge import topological_charge_density

__all__ = [
    "Configurations",
    "HeatBath",
    "Sampling",
    "autocorrelation_time",
    "draw_configurations",
    "load_configurations",
    "mean_and_error",
    "plaquette",
    "polyakov_loops",
    "topological_charge_density",
    "wilson_loops",
]
