"""Pipelines for made-up requests: quick on any input, harmless, with each kind of state."""

from __future__ import annotations

from jupyter_chariots import MLMode, Node, Pipeline

from .samples import IN, OUT, Counter, Mean, double, fail

spare = Pipeline([Node(double, [IN], OUT)], "spare")
doubled = Pipeline([Node(double, [IN], OUT)], "doubled")
failing = Pipeline([Node(fail, [IN], OUT, name="digest")], "failing")
count = Pipeline([Node(Counter(), output_nodes=OUT)], "count")
learn = Pipeline([Node(Mean(MLMode.FIT), [IN])], "learn")
apply = Pipeline([Node(Mean(MLMode.PREDICT), [IN], OUT)], "apply")
