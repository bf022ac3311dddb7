"""Checks that the tests can fail: each mutation makes one error in a copy of the package, and its tests must notice.

    python tests/mutations.py [WORD]

runs all mutations, or those with WORD in their description.  A mutation is caught if a test fails for every group that it
touches.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOTH = ("SU(2)", "SU(3)")


@dataclass(frozen=True)
class Mutation:
    """One error: `old` becomes `new` in a file of the package; `tests` must fail for `groups`."""

    what: str
    file: str
    old: str
    new: str
    tests: str
    groups: tuple[str, ...] = BOTH


SEMI = "evolution/semi_implicit_kernels.py"
CHARGES, KERNELS = "evolution/charges.py", "evolution/leapfrog_kernels.py"
MILNE = "evolution/boost_invariant_kernels.py"
PROJECTION = "lattice/gauss_projection_kernels.py"
IMPROVED, PAIRS = "evolution/improved_action_kernels.py", "evolution/improved_pairs_kernels.py"
SU2, SU3, SU3_EXP = "group/su2.py", "group/su3_arithmetic.py", "group/su3_exponential.py"
GAUSS = "physics/test_gauss.py -k float64-2"
ORDER = "evolution/test_leapfrog_conservation.py -k energy_drift"
REVERSAL = "evolution/test_leapfrog_conservation.py -k time_reversal"
COVARIANCE = "physics/test_gauge_covariance.py -k commute"
WAVES = "evolution/test_leapfrog_plane_waves.py"
BALANCE = "physics/test_energy_balance.py"
EMBEDDED = "physics/test_su2_in_su3.py"
ALGEBRA = "group/test_su2_su3.py"

MUTATIONS = [
    Mutation(
        "Gauss: right-mover's colour turned the wrong way",
        CHARGES,
        "k, rotate_back(load(U, two, x, y, z)",
        "k, rotate(load(U, two, x, y, z)",
        GAUSS,
    ),
    Mutation(
        "Gauss: left-mover's colour turned the wrong way",
        CHARGES,
        "k, rotate(load(U, two, x, y, z)",
        "k, rotate_back(load(U, two, x, y, z)",
        GAUSS,
    ),
    Mutation(
        "Gauss: sign of the current", CHARGES, "add_scaled(e, -c, load_algebra(q", "add_scaled(e, c, load_algebra(q", GAUSS
    ),
    Mutation(
        "continuity: sign of the current",
        CHARGES,
        "add_scaled(e, -c, load_algebra(q",
        "add_scaled(e, c, load_algebra(q",
        "evolution/test_charges.py -k continuity",
    ),
    Mutation(
        "energy order: sign of F_zx in the force on E_x",
        KERNELS,
        "c_t, xy_here, xy_below, 0, 1, xh, ym, c_l,",
        "c_t, xy_here, xy_below, 0, 1, xh, ym, -c_l,",
        ORDER,
    ),
    Mutation(
        "energy order: B taken half a step late",
        "lattice/midpoint.py",
        "exp(-half_a_t,",
        "exp(half_a_t,",
        ORDER,
    ),
    Mutation(
        "time reversal: links multiplied from the right",
        KERNELS,
        "mul(step, load(U, d, x, y, z))",
        "mul(load(U, d, x, y, z), step)",
        REVERSAL,
    ),
    Mutation(
        "covariance: links multiplied from the right",
        KERNELS,
        "mul(step, load(U, d, x, y, z))",
        "mul(load(U, d, x, y, z), step)",
        COVARIANCE,
    ),
    Mutation(
        "covariance: field strength carried the wrong way",
        "lattice/plaquettes.py",
        "add_scaled, rotate_back = group.add_scaled, group.rotate_back",
        "add_scaled, rotate_back = group.add_scaled, group.rotate",
        COVARIANCE,
    ),
    Mutation(
        "waves: sign of F_xz in the force on E_z",
        KERNELS,
        "-c_t, xz_here, xz_before + y, 0, 0, xm, yh",
        "c_t, xz_here, xz_before + y, 0, 0, xm, yh",
        WAVES,
    ),
    Mutation(
        "waves: power of a_z in the longitudinal force",
        "evolution/leapfrog.py",
        "real(self.grid.a_t / self.grid.a_z**2)",
        "real(self.grid.a_t / self.grid.a_z)",
        WAVES,
    ),
    Mutation(
        "balance: sign of the left-mover's work",
        CHARGES,
        "for k in range(k0, k1):\n                        power[x_, index(k)] -= meet(",
        "for k in range(k0, k1):\n                        power[x_, index(k)] += meet(",
        BALANCE,
    ),
    Mutation(
        "balance: work on the second nucleus after the first current",
        CHARGES,
        "    for charges in fields.charges:\n        (z0, slot), (k0, k1) = crossing(charges)",
        "        (z0, slot), (k0, k1) = crossing(charges)",
        BALANCE,
    ),
    Mutation(
        "SU(2) in SU(3): sign in the SU(2) product",
        SU2,
        "a[0] * b[1] + a[1] * b[0] - a[2] * b[3]",
        "a[0] * b[1] + a[1] * b[0] + a[2] * b[3]",
        EMBEDDED,
        (),
    ),
    Mutation(
        "SU(2) in SU(3): sign in the SU(3) rotation",
        SU3,
        "two * (_dot3(i0, p1) - _dot3(r0, q1)),",
        "two * (_dot3(i0, p1) + _dot3(r0, q1)),",
        EMBEDDED,
        (),
    ),
    Mutation("group: sign in the SU(2) rotation", SU2, "two * (u[3] * f[1] -", "two * (u[3] * f[1] +", ALGEBRA, ("SU(2)",)),
    Mutation("group: coefficient of the SU(2) sine", SU2, "real(1 / 210)", "real(1 / 211)", ALGEBRA, ("SU(2)",)),
    Mutation("group: sign in the SU(3) dagger", SU3, "-a[12],", "a[12],", ALGEBRA, ("SU(3)",)),
    Mutation("group: sign in [SU(3)]_ah", SU3, "a[1] - a[3],", "a[1] + a[3],", ALGEBRA, ("SU(3)",)),
    Mutation("group: last order of the SU(3) exponential", SU3_EXP, "_TAYLOR[20]", "_TAYLOR[18]", ALGEBRA, ("SU(3)",)),
    Mutation(
        "region: light cone too narrow",
        "evolution/active_region.py",
        "grown.append((z0 - (reach + 1 if first else light), z1 + (reach + 1 if last else light)))",
        "grown.append((z0 + (reach + 1 if first else light), z1 - (reach + 1 if last else light)))",
        "evolution/test_active_region.py -k whole_box",
    ),
    Mutation(
        "threads: plane before a thread's share left out",
        KERNELS,
        "for x in range(x0 - 1, x1):",
        "for x in range(x0 - 1 if x0 == 0 else x0, x1):",
        "physics/test_threads.py",
    ),
    Mutation(
        "tensor: sign of B_y",
        "observables/stress_energy.py",
        "hp, hm, yp, ym, quarter * inverse_a_z",
        "hp, hm, yp, ym, -quarter * inverse_a_z",
        "physics/test_single_nucleus.py observables/test_stress_energy.py",
    ),
    Mutation(
        "tensor: sign of the electric stress",
        "observables/stress_energy.py",
        "-dot(ex, ey) - dot(bx, by),",
        "dot(ex, ey) - dot(bx, by),",
        "observables/test_stress_energy.py",
    ),
    Mutation(
        "nucleus: sub-particles of the left-mover in reverse order",
        "evolution/initial_state.py",
        "fine if direction > 0 else fine[::-1]",
        "fine",
        "evolution/test_initial_state.py -k slots",
    ),
    Mutation(
        "nucleus: sign of the infrared regulator",
        "nuclei/poisson.py",
        "k2[kept] + infrared**2",
        "k2[kept] - infrared**2",
        "nuclei/test_poisson.py",
        (),
    ),
    Mutation(
        "nucleus: left-mover runs to the right",
        "nuclei/wilson_lines.py",
        "self.centre + self.direction * t",
        "self.centre + t",
        "nuclei/test_wilson_lines.py",
    ),
    Mutation(
        "semi-implicit: sign of one diagonal of the transverse plaquette",
        SEMI,
        "far_x = add_scaled(far_x, plus, product(dagger(b), t))",
        "far_x = add_scaled(far_x, minus, product(dagger(b), t))",
        "evolution/test_semi_implicit.py -k derivative",
    ),
    Mutation(
        "semi-implicit: G2 of a longitudinal plaquette carried with the wrong link",
        SEMI,
        "far_i = add_scaled(far_i, plus, product(n, vz))",
        "far_i = add_scaled(far_i, plus, product(n, uz))",
        "evolution/test_semi_implicit.py -k modified_gauss",
    ),
    Mutation(
        "semi-implicit: no share of the temporal plaquettes in P_z",
        SEMI,
        "step_z = step * (real(1) + real(2) * a_t * a_t)",
        "step_z = step * (real(1) + real(1) * a_t * a_t)",
        "evolution/test_semi_implicit_plane_waves.py -k longitudinal",
    ),
    Mutation(
        "semi-implicit: iteration without the elimination of A_i",
        SEMI,
        "f = add_scaled(f, -coupling, gradient(r, U, 0, x, y, z))",
        "f = add_scaled(f, coupling, gradient(r, U, 0, x, y, z))",
        "evolution/test_semi_implicit.py -k modified_gauss",
    ),
    Mutation(
        "Wilson loop: a side one link short",
        "observables/wilson_loops.py",
        "for s in range(1, length):",
        "for s in range(2, length):",
        "observables/test_wilson_loops.py -k trace_around",
    ),
    Mutation(
        "Wilson loop: sides joined in the wrong order",
        "observables/wilson_loops.py",
        "mul(line(U, i, di, m, x, y, z, shape), line(U, j, dj, n, xi, yi, zi, shape))",
        "mul(line(U, j, dj, n, xi, yi, zi, shape), line(U, i, di, m, x, y, z, shape))",
        "physics/test_observables_gauge_invariant.py -k transformation",
    ),
    Mutation(
        "dipole: Wilson line ahead of the nucleus for the one behind it",
        "observables/dipole.py",
        "behind = nucleus.extent[1 - front] - nucleus.direction",
        "behind = nucleus.extent[front] + nucleus.direction",
        "observables/test_dipole.py -k wilson_lines",
    ),
    Mutation(
        "rest frame: index of u not lowered",
        "observables/landau_frame.py",
        "[:, None, None]) @ _METRIC",
        "[:, None, None]) @ np.eye(4)",
        "observables/test_landau_frame.py -k fluid",
        (),
    ),
    Mutation(
        "rest frame along the beam: factor of T^0z",
        "observables/landau_frame.py",
        "(total - 2 * T0z) * (total + 2 * T0z)",
        "(total - T0z) * (total + T0z)",
        "observables/test_landau_frame.py -k along_the_beam",
        (),
    ),
    Mutation(
        "rapidity: interpolation one node off",
        "observables/rapidity.py",
        "first = below - 1",
        "first = below",
        "observables/test_rapidity.py -k feels_nothing",
        (),
    ),
    Mutation(
        "boost-invariant: sign of the current of A_eta in P_y",
        MILNE,
        "add_scaled(q, -c_cross, cross(e, a))",
        "add_scaled(q, c_cross, cross(e, a))",
        "evolution/test_boost_invariant.py -k gauss_constraint_holds",
    ),
    Mutation(
        "boost-invariant: power of tau in the drift of A_eta",
        "evolution/boost_invariant.py",
        "real(self.grid.a_t * tau)",
        "real(self.grid.a_t)",
        "evolution/test_boost_invariant_waves.py",
    ),
    Mutation(
        "boost-invariant: edges of a thread's range drift at once",
        MILNE,
        "if drifts and x0 < x < x1 - 1:",
        "if drifts and x >= x0:",
        "evolution/test_boost_invariant.py -k threads",
    ),
    Mutation(
        "boost-invariant: work of the plaquettes with the wrong sign",
        "evolution/boost_invariant.py",
        "-step / 2, -step / 2, -step, step / tau**2",
        "-step / 2, -step / 2, step, step / tau**2",
        "evolution/test_boost_invariant.py -k work",
    ),
    Mutation(
        "boost-invariant: sign of the longitudinal field on the light cone",
        "evolution/light_cone.py",
        "difference = dagger(U_B - U_A)",
        "difference = dagger(U_A - U_B)",
        "evolution/test_light_cone.py -k thin",
    ),
    Mutation(
        "projection: φ of the site before a link carried the wrong way",
        PROJECTION,
        "add_scaled(f, -w, rotate_back(u, last))",
        "add_scaled(f, -w, rotate(u, last))",
        "lattice/test_gauss_projection.py -k constraint_holds",
    ),
    Mutation(
        "projection: sign of the change of P_eta",
        PROJECTION,
        "store_algebra(E, two, zero, y, z, add_scaled(e, c, d))",
        "store_algebra(E, two, zero, y, z, add_scaled(e, -c, d))",
        "lattice/test_gauss_projection.py -k constraint_holds",
    ),
    Mutation(
        "projection: energy of P_eta with another power of tau",
        "lattice/gauss_projection.py",
        "else fields.tau_of_momenta**-2",
        "else fields.tau_of_momenta**-1",
        "lattice/test_gauss_projection.py -k orthogonal",
    ),
    Mutation(
        "projection: elimination along a line with the wrong link",
        PROJECTION,
        "f = rotate_back(load(U, two, x, y, index(k - 1)), f)",
        "f = rotate_back(load(U, two, x, y, index(k)), f)",
        "lattice/test_gauss_projection.py -k few_iterations",
    ),
    Mutation(
        "heat bath: wrong staple below the link",
        "euclidean/heat_bath_kernels.py",
        "load(U, e, b, smd, z))), load(U, e, b, sm, z))",
        "load(U, e, b, smd, z))), load(U, e, b, s, z))",
        "euclidean/test_plaquette_values.py -k two_dimensions",
        (),
    ),
    Mutation(
        "heat bath: wrong staple, seen by the reflections",
        "euclidean/heat_bath_kernels.py",
        "load(U, e, b, smd, z))), load(U, e, b, sm, z))",
        "load(U, e, b, smd, z))), load(U, e, b, s, z))",
        "euclidean/test_heat_bath.py -k reflections",
    ),
    Mutation(
        "heat bath: normalisation of β",
        "euclidean/heat_bath.py",
        "strength = 2 * beta / self.group.COLOURS",
        "strength = beta / self.group.COLOURS",
        "euclidean/test_plaquette_values.py -k two_dimensions",
        (),
    ),
    Mutation(
        "heat bath: acceptance of Kennedy and Pendleton's proposal",
        "euclidean/heat_bath_kernels.py",
        "if r * r <= 1.0 - 0.5 * delta:",
        "if r <= 1.0 - 0.5 * delta:",
        "euclidean/test_schwinger_dyson.py",
        (),
    ),
    Mutation(
        "heat bath: acceptance of Creutz's proposal",
        "euclidean/heat_bath_kernels.py",
        "if r * r <= 1.0 - w0 * w0:",
        "if r <= 1.0 - w0 * w0:",
        "euclidean/test_plaquette_values.py -k su2_in_two_dimensions",
        (),
    ),
    Mutation(
        "heat bath: draws of a link repeat in every sweep",
        "euclidean/heat_bath.py",
        "keys = streams(self._chain_keys, number)",
        "keys = streams(self._chain_keys, 0)",
        "euclidean/test_plaquette_values.py -k two_dimensions",
        (),
    ),
    Mutation(
        "topological charge: sign in ε",
        "euclidean/topological_charge.py",
        "((0, 2), (1, 3), -1)",
        "((0, 2), (1, 3), 1)",
        "euclidean/test_topological_charge.py -k exchange",
    ),
    Mutation(
        "topological charge: a leaf of the clover at the wrong site",
        "euclidean/topological_charge.py",
        "shifted(at_nu, nu, -1)",
        "shifted(at_nu, nu, 1)",
        "euclidean/test_topological_charge.py -k reflection",
    ),
    Mutation(
        "sampling: rest of a round forgotten",
        "euclidean/draw.py",
        "        if rest:",
        "        if not rest:",
        "euclidean/test_sampling.py -k long_sampling",
        (),
    ),
    Mutation(
        "improved action: sign of the torque on links that bring F from behind",
        IMPROVED,
        "add_scaled(left, unit, along_i)",
        "add_scaled(left, -unit, along_i)",
        "evolution/test_improved_boost_invariant.py -k keeps_gauss",
    ),
    Mutation(
        "improved action: coefficient of pairs across two links",
        PAIRS,
        "cross(b2, add_scaled(scaled(c4, a2), c3, a1))",
        "cross(b2, add_scaled(scaled(c4, a2), c4, a1))",
        "evolution/test_improved_action.py -k each_term_of_the_plane_are_minus",
    ),
]


def failures(mutation: Mutation) -> list[str]:
    """Names of the tests that fail in a copy of the package with the error.

    Raises
    ------
    RuntimeError
        If the error cannot be made or the tests did not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("glasma", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "glasma" / mutation.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutation.old) != 1:
            raise RuntimeError(f"{mutation.file} has {text.count(mutation.old)} times {mutation.old!r}")
        path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
        selection = [word if word.startswith("-") or "/" not in word else f"tests/{word}" for word in mutation.tests.split()]
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        where = [sys.executable, "-c", "import glasma; print(glasma.__file__)"]
        imported = subprocess.run(where, cwd=copy, env=environment, capture_output=True, text=True, check=True).stdout
        if Path(imported.strip()).resolve().parent.parent != copy.resolve():
            raise RuntimeError(f"the tests would import {imported.strip()}")
        command = [sys.executable, "-m", "pytest", "-rf", "--tb=no", "-p", "no:cacheprovider", *selection]
        result = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        if result.returncode not in (0, 1):
            raise RuntimeError(result.stdout[-2000:] + result.stderr[-2000:])
        return re.findall(r"^FAILED \S*::(\S+)", result.stdout, flags=re.MULTILINE)


def caught(mutation: Mutation) -> tuple[bool, str]:
    """Whether the tests notice the error, and a line about it."""
    try:
        failed = failures(mutation)
    except RuntimeError as error:
        return False, str(error)
    noticed = bool(failed) and all(any(group in name for name in failed) for group in mutation.groups)
    names = sorted({name.partition("[")[0] for name in failed})
    return noticed, f"{len(failed)} failed: {', '.join(names)}"


def main() -> int:
    """Run the mutations; the exit status is 1 if one survives."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [mutation for mutation in MUTATIONS if word in mutation.what]
    survivors = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutation, (noticed, line) in zip(chosen, pool.map(caught, chosen), strict=True):
            survivors += not noticed
            print(f"{'caught  ' if noticed else 'SURVIVED'} {mutation.what} [{mutation.file}]: {line}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
