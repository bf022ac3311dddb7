"""Fields on the lattice: links, plaquettes, charges, the Gauss constraint and the energy."""
