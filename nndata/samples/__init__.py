"""A small, true-to-format imitation of every source, served over HTTP on loopback."""
