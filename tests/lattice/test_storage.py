"""Fields lie in memory as the kernels and the caches want them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasma.group import su2
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.grid import Grid
from glasma.lattice.storage import as_field_array, copy_field, field_array

SIDES = st.one_of(st.integers(1, 9), st.sampled_from([16, 32, 64]))


@given(st.integers(1, 3), st.integers(2, 18), SIDES, SIDES, SIDES, st.sampled_from([np.float64, np.float32]))
def test_components_are_an_odd_number_of_cache_lines_apart(directions, components, nx, ny, nz, dtype):
    array = field_array((directions, components, nx, ny, nz), dtype)
    assert array.shape == (directions, components, nx, ny, nz)
    assert array.dtype == dtype
    assert not array.any()
    lines, rest = divmod(array.strides[1], 64)
    assert rest == 0
    assert lines % 2 == 1
    assert array.strides[0] == components * array.strides[1]
    assert array[0, 0].flags.c_contiguous
    assert not array.flags.c_contiguous
    assert not array.flags.f_contiguous
    assert array.strides[1] < array[0, 0].nbytes + 3 * 64


def test_only_other_arrays_are_copied():
    rng = np.random.default_rng(1)
    spaced = field_array((3, 4, 2, 3, 5), np.float64)
    assert as_field_array(spaced) is spaced
    for other in (rng.standard_normal((3, 4, 2, 3, 5)), rng.standard_normal((3, 4, 2, 3, 10))[..., ::2]):
        copied = as_field_array(other)
        np.testing.assert_array_equal(copied, other)
        assert copied.strides == spaced.strides
    copied = copy_field(spaced)
    copied += 1
    assert not spaced.any()


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_state_takes_arrays_of_any_layout(layout):
    grid = Grid((2, 3, 8), 1.0, 0.5, 2)
    state = vacuum(grid, su2)
    U, E = np.array(state.U, order=layout), np.array(state.E, order=layout)
    other = Fields(grid, su2, U, E)
    assert other.U.strides == state.U.strides
    assert other.copy().E.strides == state.E.strides
    np.testing.assert_array_equal(other.U, state.U)
