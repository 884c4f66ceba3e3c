"""From a dataset on disk to batches in a framework."""
