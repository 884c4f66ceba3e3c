"""File formats, one a file; none knows a source."""
