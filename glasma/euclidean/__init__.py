"""Monte Carlo sampling of Euclidean lattice gauge theory: configurations to train and test on."""
