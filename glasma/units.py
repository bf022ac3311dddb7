"""Natural units, ħ = c = 1: quantities such as "6 fm" or "0.2 GeV" and the factor ħc between them."""

from __future__ import annotations

import re

#: ħc in GeV fm (CODATA 2018).
HBARC = 0.1973269804

#: Nucleon mass in GeV, mean of proton and neutron, for √s_NN = 2 m_N γ.
NUCLEON_MASS = 0.938918754

_LENGTHS = {"fm": 1.0, "GeV^-1": HBARC}
_ENERGIES = {"GeV": 1.0, "MeV": 1e-3, "fm^-1": HBARC}
_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(\S+)\s*")


def _parse(text: object, units: dict[str, float], example: str) -> float:
    known = ", ".join(units)
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'needs a number with a unit, such as "{example}" (units: {known})')
    number, unit = match.groups()
    if unit not in units:
        raise ValueError(f'unit {unit} does not fit here; write it in {known}, such as "{example}"')
    try:
        return float(number) * units[unit]
    except ValueError:
        raise ValueError(f'{number} is not a number; write it such as "{example}"') from None


def length_fm(text: object) -> float:
    """A length or time such as "0.5 fm" or "3 GeV^-1", in fm.

    >>> length_fm("2.5 fm")
    2.5
    """
    return _parse(text, _LENGTHS, "0.5 fm")


def energy_gev(text: object) -> float:
    """An energy, mass or momentum such as "0.2 GeV", "200 MeV" or "1 fm^-1", in GeV.

    >>> energy_gev("200 MeV")
    0.2
    """
    return _parse(text, _ENERGIES, "0.2 GeV")
