"""One measurement: energies, the energy-momentum tensor and the constraints of a state, from one pass over the lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glasma.backend import Workers
from glasma.lattice.energy import COMPONENTS, add_component_energies
from glasma.lattice.fields import Fields
from glasma.lattice.midpoint import MidpointPlanes
from glasma.observables.stress_energy import TENSOR, StressTensor


@dataclass(frozen=True)
class Measurement:
    """Energy densities at t − ½, units 1/(g² a_T⁴), zero outside the region that moves.

    Attributes
    ----------
    components : (4, nz) float64
        ½E_L², ½E_T², ½B_L², ½B_T² of links and plaquettes, transverse mean, in the order of `COMPONENTS`.
    tensor : (10, nz) float64
        T^{μν} at the sites, transverse mean, in the order of `TENSOR`.
    side_view : (nx, nz) float32
        T^00 in the plane y = ny/2.
    front_view : (nx, ny) float32
        T^00 in the plane z = 0.
    """

    components: np.ndarray
    tensor: np.ndarray
    side_view: np.ndarray
    front_view: np.ndarray


def measure(fields: Fields, workers: Workers, region: Sequence[tuple[int, int]]) -> Measurement:
    """Measure a state over the given intervals of z."""
    nx, ny, nz = fields.grid.shape
    with_links_before, moving = workers.own_along_z([(z0 - 1, z1) for z0, z1 in region]), workers.own_along_z(region)
    middle = fields.grid.middle_planes[1]
    has_middle = bool(workers.own_along_z([(middle, middle + 1)]))
    components = np.zeros((nx, len(COMPONENTS), nz))
    tensor = np.zeros((nx, len(TENSOR), nz))
    side_view, front_view = np.zeros((nx, nz), np.float32), np.zeros((nx, ny), np.float32)

    def planes(x0: int, x1: int) -> None:
        held, stress = MidpointPlanes(fields, with_links_before), StressTensor(fields)
        T = np.zeros((len(TENSOR), ny, nz), fields.dtype)
        for x in range(x0, x1):
            held.move_to(x)
            energies = np.zeros((len(COMPONENTS), ny, nz), fields.dtype)
            for z0, z1 in with_links_before:
                add_component_energies(energies, fields, held, x, z0, z1)
            for z0, z1 in moving:
                stress.at_plane(T, held, x, z0, z1)
            components[x] = energies.sum(axis=1, dtype=np.float64)
            tensor[x] = T.sum(axis=1, dtype=np.float64)
            side_view[x] = T[0, ny // 2]
            if has_middle:
                front_view[x] = T[0, :, middle]

    workers.over_planes(nx, planes)
    return of_all_planes(components, tensor, side_view, front_view, workers)


def of_all_planes(
    components: np.ndarray, tensor: np.ndarray, side_view: np.ndarray, front_view: np.ndarray, workers: Workers
) -> Measurement:
    """A measurement from sums over y of the planes held, (nx, ..., nz), and what its views see of each."""
    side_view, front_view = workers.along_z(workers.whole(side_view)), workers.filled(workers.whole(front_view))
    components, tensor = (workers.along_z(workers.sum(sums)) / front_view.size for sums in (components, tensor))
    return Measurement(components, tensor, side_view, front_view)
