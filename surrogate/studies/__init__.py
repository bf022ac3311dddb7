"""Published experiments, one a file; `glasma study` runs them."""
