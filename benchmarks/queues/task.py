"""The job: it says when it began, on a clock that all processes of a machine share."""

import time


def begin(seconds):
    """Take so many seconds; gives when it began (``time.monotonic``)."""
    begun = time.monotonic()
    if seconds:
        time.sleep(seconds)
    return begun
