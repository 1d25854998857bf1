"""Real keras, on the backend of `KERAS_BACKEND`; `nets.py` has the pipelines."""

from __future__ import annotations

import importlib
import mmap
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from jupyter_chariots import (
    MLMode,
    Node,
    Pipeline,
    SequentialRunner,
    VersionedField,
    VersionType,
)
from jupyter_chariots.errors import ConfigurationError, DefinitionError, SerializationError
from jupyter_chariots.ml import KerasOp, KerasSerializer

from ..live import clean_environment

NETS = Path(__file__).parent / "nets.py"
run = SequentialRunner().run
FEATURES = np.random.default_rng(0).normal(size=(60, 4))
TARGETS = FEATURES @ [1.0, -2.0, 0.5, 0.0]


@pytest.fixture(scope="module")
def nets():
    """The pipelines; keras takes seconds to import, so not at collection."""
    return importlib.import_module("tests.ml.nets")


@pytest.fixture(scope="module")
def trained(nets):
    """A trained op and its bytes."""
    run(nets.train_net)
    op = nets.train_net.ops["net"]
    return op, op.serialize()


class Line(KerasOp):
    """Small and quick: one layer."""

    input_params = {"epochs": 2}

    def _init_model(self):
        import keras

        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=True)
        return model


def fingerprint(op):
    return op.fingerprint_of(op.serialize())


def equal_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(*pair) for pair in pairs)


class TestFitAndPredict:
    def test_learns_and_predicts_arrays_of_numpy(self, nets, trained):
        classes = trained[0].predict(nets.X)
        assert type(classes) is np.ndarray
        assert (classes.argmax(1) == nets.y).mean() > 0.9

    def test_rows_may_be_lists_frames_or_arrays(self, nets, trained):
        op, _ = trained
        expected = op.predict(np.array(nets.ROWS))
        for rows in (nets.ROWS, list(map(tuple, nets.ROWS)), pd.DataFrame(nets.ROWS)):
            assert op.predict(rows) == pytest.approx(expected, abs=1e-6)
        assert op.predict([[5, 3, 1, 0]]).shape == (1, 3)

    def test_several_inputs_by_name(self):
        class Sum(KerasOp):
            def _init_model(self):
                import keras

                inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
                total = keras.layers.Add()([inputs["a"], inputs["b"]])
                scaled = keras.layers.Dense(1, kernel_initializer="ones")(total)
                model = keras.Model(inputs, scaled)
                model.compile("sgd", "mse")
                return model

        op = Sum(MLMode.FIT_PREDICT, verbose=0)
        rows = {"a": [[1.0], [2.0]], "b": [[10.0], [20.0]]}
        expected = [[11.0], [22.0]]  # which it gives from the start: nothing to learn
        assert op.execute(rows, expected) == pytest.approx(np.array(expected))

    def test_weights_of_rows_are_a_third_input(self):
        op = Line(MLMode.FIT_PREDICT, verbose=0)
        before = op.predict(FEATURES)
        op.execute(FEATURES, TARGETS.tolist(), np.zeros(60))
        assert op.predict(FEATURES) == pytest.approx(before, abs=1e-6)  # nothing to learn

    def test_metrics_and_parameters_are_facts(self, trained):
        facts = trained[0].facts()
        assert facts["parameters"] == {
            "epochs": 20,
            "batch_size": 25,
            "callbacks": ["EarlyStopping"],
        }
        assert facts["metrics"]["accuracy"] > 0.9
        assert facts["backend"] == os.environ["KERAS_BACKEND"]

    def test_what_it_shows(self, capsys):
        import ipykernel  # noqa: F401 - that it is imported does not make this a cell

        for verbose, lines in ((0, 0), (1, 4)):
            op = Line(MLMode.FIT_PREDICT, verbose)
            op.execute(FEATURES, TARGETS)
            shown = capsys.readouterr()
            assert shown.out.count("\n") == lines  # two for each epoch
            assert "\b" not in shown.out
            assert shown.err == ""


class TestVersions:
    def test_equal_training_gives_an_equal_version(self, nets, trained):
        # Names of layers, addresses and the clock go on.
        before = trained[0].op_version
        run(nets.train_net)
        assert trained[0].op_version == before

    def test_other_weights_are_another_version(self):
        op, other = Line(MLMode.FIT, verbose=0), Line(MLMode.FIT, verbose=0)
        op.execute(FEATURES, TARGETS)
        other.execute(FEATURES, TARGETS + 1)
        assert fingerprint(op) != fingerprint(other)

    def test_another_architecture_is_another_version(self):
        class Other(Line):
            activation = VersionedField("linear")

            def _init_model(self):
                model = super()._init_model()
                import keras

                model.layers[0].activation = keras.activations.get(self.activation)
                return model

        class Bent(Other):
            activation = "relu"

        op, same, other = (one(MLMode.FIT) for one in (Line, Other, Bent))
        assert fingerprint(op) == fingerprint(same) != fingerprint(other)

    def test_a_loaded_model_is_the_same_version(self, nets, trained):
        op, payload = trained
        other = nets.Net(MLMode.PREDICT)
        other.load(payload)
        assert fingerprint(other) == op.fingerprint_of(payload)

    def test_callbacks_and_levels_of_fields(self, nets):
        levels = {field.name: field.level for field in nets.Net(MLMode.FIT).versioned_fields()}
        assert levels == {
            "input_params.epochs": VersionType.MAJOR,
            "input_params.batch_size": VersionType.MINOR,
            "input_params.callbacks": VersionType.MAJOR,
        }

        class Patient(nets.Net):
            input_params = {"epochs": 20, "callbacks": [nets.keras.callbacks.EarlyStopping()]}

        assert Patient(MLMode.FIT).__version__.major != nets.Net(MLMode.FIT).__version__.major

    def test_a_fit_leaves_the_callbacks_of_the_class_as_they_were(self, nets):
        class Count(nets.keras.callbacks.Callback):
            epochs = 0

            def on_epoch_end(self, epoch, logs=None):
                self.epochs += 1

        class Stopped(Line):
            input_params = (
                {"epochs": 500, "callbacks": [Count(), early]}
                if (early := nets.keras.callbacks.EarlyStopping("loss", min_delta=1e9))
                else {}
            )

        op = Stopped(MLMode.FIT, verbose=0)
        before = op.__version__
        op.execute(FEATURES, TARGETS)
        assert op._model.optimizer.iterations < 20  # it was stopped
        assert op.input_params["callbacks"][0].epochs == 0
        assert op.__version__ == before == Stopped(MLMode.PREDICT).__version__


class TestState:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "map"])
    def test_comes_back_from_any_kind_of_bytes(self, nets, trained, kind, tmp_path):
        op, payload = trained
        other = nets.Net(MLMode.PREDICT)
        if kind == "map":
            file = tmp_path / "state"
            file.write_bytes(payload)
            with file.open("rb") as stream:
                other.load(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY))
        else:
            other.load(kind(payload))
        assert equal_weights(other._model, op._model)

    def test_is_a_keras_file(self, nets, trained, tmp_path):
        file = tmp_path / "model.keras"
        file.write_bytes(trained[1])
        names = {"swish": nets.swish, "distance": nets.distance, "Widen": nets.Widen}
        with nets.keras.saving.custom_object_scope(names):
            model = nets.keras.saving.load_model(file, custom_objects=names)
        assert equal_weights(model, trained[0]._model)

    def test_other_bytes_are_refused(self, nets, trained):
        for payload in (b"", b"no archive", trained[1][:5000]):
            with pytest.raises(SerializationError, match=r"\.keras file"):
                nets.Net(MLMode.PREDICT).load(payload)

    def test_incremental_training_goes_on_with_the_optimizer(self):
        class Online(Line):
            input_params = {"epochs": 2, "shuffle": False}
            incremental = True

        op, other = Online(MLMode.FIT, verbose=0), Online(MLMode.FIT, verbose=0)
        op.execute(FEATURES, TARGETS)
        steps = int(op._model.optimizer.iterations)
        momentum = op._model.optimizer.variables[2].numpy()
        assert steps == 4
        other.load(op.serialize())
        assert np.array_equal(other._model.optimizer.variables[2].numpy(), momentum)
        for one in (op, other):
            one.execute(FEATURES, TARGETS)
            assert int(one._model.optimizer.iterations) == 2 * steps
        assert fingerprint(op) == fingerprint(other)

    def test_a_failed_run_leaves_the_model_as_it_was(self):
        class Online(Line):
            incremental = True

        pipeline = Pipeline(
            [
                Node(Online(MLMode.FIT, verbose=0), ["__pipeline_input__"] * 2, name="fit"),
            ],
            "train",
        )
        run(pipeline, TARGETS[:, None] * np.ones(4))
        op = pipeline.ops["online"]
        before = fingerprint(op)
        with pytest.raises(ValueError, match="fit"):
            run(pipeline, np.ones((3, 7)))
        assert fingerprint(op) == before


class TestOnesOwnLayers:
    def test_are_found_without_having_been_registered(self, nets, trained):
        """As in a process that has not run the decorator."""
        registered = nets.keras.saving.get_custom_objects()
        kept = dict(registered)
        registered.clear()
        try:
            op = nets.Net(MLMode.PREDICT)
            op.load(trained[1])
        finally:
            registered.update(kept)
        assert isinstance(op._model.layers[0], nets.Widen)
        assert op._model.loss is nets.distance

    def test_travel_from_a_notebook(self, nets, tmp_path):
        """Classes of ``__main__`` go by value into another process."""
        notebook = types.ModuleType("__main__")
        cell = tmp_path / "cell.py"
        cell.write_text(NETS.read_text("utf-8").replace('"flowers"', '"notebook"'), "utf-8")
        exec(compile(cell.read_bytes(), cell, "exec"), vars(notebook))
        op = notebook.Net(MLMode.FIT_PREDICT, verbose=0)
        classes = op.execute(nets.X, nets.y)
        definition = tmp_path / "definition"
        definition.write_bytes(cloudpickle.dumps(notebook.Net(MLMode.PREDICT)))
        (tmp_path / "state").write_bytes(op.serialize())
        script = f"""
            import pickle, sys
            from pathlib import Path
            import numpy
            op = pickle.loads(Path("definition").read_bytes())
            op.load(Path("state").read_bytes())
            numpy.save("classes.npy", op.execute({nets.X.tolist()}))
            print(type(op._model.layers[2]).__module__)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            cwd=tmp_path,
            env=clean_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "__main__\n"
        assert np.load(tmp_path / "classes.npy") == pytest.approx(classes, abs=1e-5)

    def test_those_made_elsewhere_are_named(self, nets):
        made = types.SimpleNamespace(layer=type("Hidden", (nets.keras.layers.ReLU,), {}))

        class Named(Line):
            def _init_model(self):
                model = super()._init_model()
                model.add(made.layer())
                return model

        class Told(Named):
            def custom_objects(self):
                return {"Hidden": made.layer}

        op = Told(MLMode.FIT, verbose=0)
        op.execute(FEATURES, TARGETS)
        payload = op.serialize()
        op.load(payload)
        assert isinstance(op._model.layers[-1], made.layer)
        with pytest.raises(SerializationError, match="Hidden") as caught:
            Named(MLMode.FIT).load(payload)
        assert "custom_objects" in caught.value.hint

    def test_helpers_do_not_hide_what_keras_has_under_their_name(self, nets):
        def accuracy(model):
            return 1.0

        class Net(Line):
            def _init_model(self):
                model = super()._init_model()
                assert accuracy(model)
                model.compile("adam", "mse", metrics=["accuracy"])
                return model

        op = Net(MLMode.FIT_PREDICT, verbose=0)
        op.execute(FEATURES, TARGETS)
        op.load(op.serialize())
        assert "accuracy" in op._model.evaluate(FEATURES, TARGETS, verbose=0, return_dict=True)


class TestSafeMode:
    @pytest.fixture
    def lambda_op(self, nets):
        class WithLambda(Line):
            def _init_model(self):
                model = super()._init_model()
                model.add(nets.keras.layers.Lambda(lambda x: x * 2.0))
                return model

            def fit(self, X, y):
                super().fit(X, y)
                self.report(ran=True)

        return WithLambda

    def test_a_lambda_is_refused_before_the_training(self, lambda_op):
        op = lambda_op(MLMode.FIT, verbose=0)
        with pytest.raises(DefinitionError, match="lambda") as caught:
            op.execute(FEATURES, TARGETS)
        assert "safe_mode" in caught.value.hint
        assert "metrics" not in op.facts()

    def test_a_lambda_is_not_run_from_bytes(self, lambda_op):
        with pytest.raises(SerializationError, match="lambda"):
            lambda_op(MLMode.PREDICT).load(lambda_op(MLMode.FIT).serialize())

    def test_it_can_be_turned_off(self, nets, lambda_op):
        class Trusting(lambda_op):
            safe_mode = False

        op, other = Trusting(MLMode.FIT, verbose=0), Trusting(MLMode.PREDICT)
        op.execute(FEATURES, TARGETS)
        other.load(op.serialize())
        line = other._model.layers[0](FEATURES[:5])
        doubled = 2 * nets.keras.ops.convert_to_numpy(line)
        assert other.execute(FEATURES[:5]) == pytest.approx(doubled, abs=1e-6)

    def test_a_model_that_cannot_be_written_is_refused_before_the_training(self, nets):
        class Layer(nets.keras.layers.Layer):
            def __init__(self, function):
                super().__init__()
                self.function = function

            def get_config(self):
                raise NotImplementedError("no config")

        class Op(Line):
            def _init_model(self):
                model = super()._init_model()
                model.add(Layer(print))
                return model

        with pytest.raises(DefinitionError, match="no config"):
            Op(MLMode.FIT, verbose=0).execute(FEATURES, TARGETS)


def test_without_keras_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ConfigurationError) as caught:
        KerasSerializer().serialize_object(object())
    assert "[keras]" in caught.value.hint
    assert "KERAS_BACKEND" in caught.value.hint


def test_the_package_of_models_stays_light():
    code = "import sys; from jupyter_chariots.ml import KerasOp; print({'keras', 'h5py', 'numpy'}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_served_over_http(nets, live_server, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "nets.py").write_bytes(NETS.read_bytes())
    server = live_server(root=root, app_pipelines=["nets"])
    for path in ("train_net/main", "train_net/save", "pred_net/load"):
        # each imports keras in another process: that takes its time on a busy machine
        answer = server.post(f"pipelines/{path}", timeout=240.0)
        assert answer.status == 200, f"{answer.body}\n{server.log_tail()}"
    answer = server.post("pipelines/pred_net/main", {"pipeline_input": nets.ROWS})
    assert np.argmax(answer.body["pipeline_output"], axis=1).tolist() == [0, 2]
