"""Pipelines to learn from and to test with; each module can be served as it is."""
