"""The sum of products behind L-Bilin and L-CB, in few large real matrix products, with little memory.

    Y_o[s, a, i] = Σ_r Σ_{m,j} left_l[s, a, (m,j)] X_r[s, (m,j), i],   X_r[(s,m), (j,i)] = Σ_k rows_p[(s,m), k] mats_g[k, (j,i)]

over the sites s; a plan says which p, g, l and o belong to the product r.  The weighing comes first: X is one matrix
product over all sites, and the products of matrices that are left do not multiply all pairs of channels.  X exists for a
chunk of sites at a time and is made again in the backward pass.

The sum is linear in each of `rows`, `mats` and `lefts`, so its derivatives are sums of the same kind; both operators here
are differentiable any number of times.  They are opaque to torch.compile and not touched by autocast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

#: Bytes of X_r per chunk: few calls, yet within the cache on the CPU; other devices need more to be busy.
CHUNK_BYTES = {"cpu": 1 << 23, "other": 1 << 26}


def _chunks(rows: Tensor, mats: Tensor) -> Iterator[slice]:
    sites = rows.shape[1]
    per_site = rows.shape[2] * mats.shape[2] * mats.shape[3] * rows.element_size()
    size = max(16, CHUNK_BYTES["cpu" if rows.device.type == "cpu" else "other"] // per_site)
    for first in range(0, sites, size):
        yield slice(first, min(first + size, sites))


def _terms(plan: Sequence[int]) -> list[tuple[int, int, int, int]]:
    return [(plan[n], plan[n + 1], plan[n + 2], plan[n + 3]) for n in range(0, len(plan), 4)]


@torch.library.custom_op("glasma_surrogate::contract", mutates_args=())
def contract(rows: Tensor, mats: Tensor, lefts: Tensor, plan: Sequence[int]) -> Tensor:
    """The sum Y.

    Parameters
    ----------
    rows : (·, S, M, K) real
    mats : (·, K, J, I) real
    lefts : (·, S, A, M J) real
    plan : sequence of int
        (p, g, l, o) for each product r, one after the other.

    Returns
    -------
    (outputs, S, A, I) real
    """
    terms = _terms(plan)
    with torch.autocast(rows.device.type, enabled=False):
        _, S, M, K = rows.shape
        _, _, J, I = mats.shape
        outputs = 1 + max(o for *_, o in terms)
        Y = rows.new_zeros(outputs, S, lefts.shape[2], I)
        for part in _chunks(rows, mats):
            for r, g, l, o in terms:
                X = torch.mm(rows[r, part].reshape(-1, K), mats[g].reshape(K, J * I)).view(-1, M * J, I)
                Y[o, part].baddbmm_(lefts[l, part], X)
        return Y


@contract.register_fake
def _(rows: Tensor, mats: Tensor, lefts: Tensor, plan: Sequence[int]) -> Tensor:
    outputs = 1 + max(o for *_, o in _terms(plan))
    return rows.new_empty(outputs, rows.shape[1], lefts.shape[2], mats.shape[3])


@torch.library.custom_op("glasma_surrogate::contract_backward", mutates_args=())
def contract_backward(
    G: Tensor, rows: Tensor, mats: Tensor, lefts: Tensor, plan: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The derivatives of ⟨G, Y⟩ by rows, mats and lefts."""
    with torch.autocast(rows.device.type, enabled=False):
        _, _, M, K = rows.shape
        _, _, J, I = mats.shape
        d_rows, d_mats, d_lefts = torch.zeros_like(rows), torch.zeros_like(mats), torch.zeros_like(lefts)
        flat_mats, flat_d_mats = mats.reshape(-1, K, J * I), d_mats.view(-1, K, J * I)
        for part in _chunks(rows, mats):
            for r, g, l, o in _terms(plan):
                row, left, G_part = rows[r, part].reshape(-1, K), lefts[l, part], G[o, part]
                X = torch.mm(row, flat_mats[g])
                d_lefts[l, part].baddbmm_(G_part, X.view(-1, M * J, I).mT)
                d_X = torch.bmm(left.mT, G_part, out=X.view(-1, M * J, I)).view(-1, J * I)
                d_rows[r, part].view(-1, K).addmm_(d_X, flat_mats[g].mT)
                flat_d_mats[g].addmm_(row.mT, d_X)
        return d_rows, d_mats, d_lefts


@contract_backward.register_fake
def _(G: Tensor, rows: Tensor, mats: Tensor, lefts: Tensor, plan: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(rows), torch.empty_like(mats), torch.empty_like(lefts)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, ctx.plan = inputs
    ctx.save_for_backward(*tensors)


def _contract_derivative(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
    return *contract_backward(G.contiguous(), *ctx.saved_tensors, ctx.plan), None


def _backward_derivative(ctx: Any, *along: Tensor) -> tuple[Tensor | None, ...]:
    """⟨d_rows, u⟩ + ⟨d_mats, v⟩ + ⟨d_lefts, w⟩ = ⟨G, Y(u, mats, lefts) + Y(rows, v, lefts) + Y(rows, mats, w)⟩."""
    G, rows, mats, lefts = ctx.saved_tensors
    u, v, w = (direction.contiguous() for direction in along)
    d_G = contract(u, mats, lefts, ctx.plan) + contract(rows, v, lefts, ctx.plan) + contract(rows, mats, w, ctx.plan)
    _, mats_u, lefts_u = contract_backward(G, u, mats, lefts, ctx.plan)
    rows_v, _, lefts_v = contract_backward(G, rows, v, lefts, ctx.plan)
    rows_w, mats_w, _ = contract_backward(G, rows, mats, w, ctx.plan)
    return d_G, rows_v + rows_w, mats_u + mats_w, lefts_u + lefts_v, None


contract.register_autograd(_contract_derivative, setup_context=_save)
contract_backward.register_autograd(_backward_derivative, setup_context=_save)
