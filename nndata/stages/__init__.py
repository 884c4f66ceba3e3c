"""Stages: datasets in, dataset out, for what needs the whole."""
