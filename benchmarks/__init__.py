"""Speed, measured beside the floor in the same run."""
