"""The bilinear contraction Σ_jk α_ijk A_j B_k of matrix-valued channels, fast and plain."""

from __future__ import annotations

from torch import Tensor

from surrogate.layers.contraction import contract
from surrogate.layers.representation import Representation
from surrogate.layers.sides import Side


def bilinear(W: Tensor, T: Tensor, weight: Tensor, left: Side, right: Side, real_form: Representation) -> Tensor:
    """Σ_jk α_ijk A_j B_k, A and B the channels of the two sides.

    Parameters
    ----------
    W : (batch, *lattice, components, left.objects) real
        Objects of the left side, as the representation encodes them.
    T : (batch, *lattice, components, right.objects) real
        Those of the right side.
    weight : (n_out, left.channels, right.channels) real or complex
    real_form : Representation

    Returns
    -------
    (batch, n_out, *lattice, N, N) complex
    """
    batch, *lattice, _, _ = W.shape
    operands = real_form.operands(W, T, weight, left, right)
    Y = contract(operands.rows, operands.mats, operands.lefts, operands.plan)
    return real_form.decode(Y, batch, tuple(lattice))
