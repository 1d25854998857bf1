"""What a kernel does that serves pipelines: ``python -m tests.faults.kernel URL TOKEN K``.

The definitions are large, change with ``K``, and bring along what was fitted here.
"""

from __future__ import annotations

import sys

from jupyter_chariots import (
    BaseMLOp,
    MLMode,
    Node,
    Pipeline,
    PipelinesClient,
    ReservedNodes,
    SequentialRunner,
)

K = int(sys.argv[3])
LARGE = bytes(100_000)


class Sent(BaseMLOp):
    op_name = "sent"

    def _init_model(self):
        return []

    def fit(self, numbers):
        self._model.extend(numbers)

    def predict(self, numbers):
        return [K, self._model[0], len(LARGE)]


learn = Pipeline([Node(Sent(MLMode.FIT), [ReservedNodes.pipeline_input])], "sent_learn")
ask = Pipeline(
    [
        Node(
            Sent(MLMode.PREDICT),
            [ReservedNodes.pipeline_input],
            ReservedNodes.pipeline_output,
        )
    ],
    "sent_ask",
)

if __name__ == "__main__":
    SequentialRunner().run(learn, [K])
    PipelinesClient(*sys.argv[1:3]).serve(learn, ask)
