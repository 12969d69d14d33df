"""Several processes that serve one port together, and the one that starts, watches and replaces them."""
