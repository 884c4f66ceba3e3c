"""How a dataset lies on disk: records, index, id hashes and provenance of one shard."""
