"""What the tests of models share."""

import os

# The backend that the extra `test` installs; keras reads this once, when it is imported.
os.environ.setdefault("KERAS_BACKEND", "jax")
