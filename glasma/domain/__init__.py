"""Many ranks: each holds a part of the planes in x (docs/scaling.md, "Many ranks")."""
