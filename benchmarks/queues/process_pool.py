"""The floor: a pool of two processes, which keeps nothing."""

from concurrent.futures import Future, ProcessPoolExecutor

from .driver import Queue, drive
from .task import begin


class ProcessPool(Queue):
    """``concurrent.futures.ProcessPoolExecutor``."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(2)
        self.results([self.submit(0.2) for _ in range(2)])

    def submit(self, seconds: float) -> "Future[float]":
        return self._pool.submit(begin, seconds)

    def results(self, submitted: "list[Future[float]]") -> list[float]:
        return [future.result() for future in submitted]

    def close(self) -> None:
        self._pool.shutdown()


if __name__ == "__main__":
    drive(ProcessPool())
