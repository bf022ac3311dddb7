"""The engine on a GPU: the same functions of a site as on the CPU, one thread a site."""
