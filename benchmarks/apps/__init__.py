"""Programs of the contestants, for environments that need not have this project."""
