"""``python -m jupyter_chariots.cli …``: the same as ``jupyter chariots …``."""

import sys

from .run import main

if __name__ == "__main__":
    sys.exit(main())
