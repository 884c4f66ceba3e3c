"""Transforms, one a file: examples in, examples out."""
