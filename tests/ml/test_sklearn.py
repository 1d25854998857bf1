import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jupyter_chariots import (
    MLMode,
    Node,
    Pipeline,
    SequentialRunner,
    SKSupervisedOp,
    SKUnsupervisedOp,
    VersionedField,
    VersionedFieldDict,
    VersionType,
    as_op,
)
from jupyter_chariots.errors import DefinitionError, InvalidInput, NodeFailed
from jupyter_chariots.ml import JoblibSerializer, PickleSerializer, SkopsSerializer

X, y = load_iris(return_X_y=True)
FRAME = load_iris(as_frame=True).data
ROW = [[5.1, 3.5, 1.4, 0.2]]
run = SequentialRunner().run


class PCAOp(SKUnsupervisedOp):
    model_class = VersionedField(PCA, VersionType.MAJOR)
    model_parameters = VersionedFieldDict(VersionType.MAJOR, {"n_components": 2})


class Logistic(SKSupervisedOp):
    model_class = LogisticRegression
    model_parameters = {"C": 2.0, "n_jobs": None}


def train():
    return Pipeline(
        [
            Node(lambda: (X, y), output_nodes=["X", "y"], name="data"),
            Node(PCAOp(MLMode.FIT_PREDICT), ["X"], "X_pca"),
            Node(Logistic(MLMode.FIT_PREDICT), ["X_pca", "y"], "__pipeline_output__"),
        ],
        "train",
    )


class TestOpsOfClasses:
    def test_trains_and_predicts(self):
        classes = run(train())
        assert classes.shape == (150,)
        assert (classes == y).mean() > 0.9

    def test_default_levels_of_what_is_learned(self):
        assert PCAOp(MLMode.FIT).training_update_version is VersionType.MAJOR
        assert Logistic(MLMode.FIT).training_update_version is VersionType.PATCH

    def test_plain_values_count_as_major_and_what_cannot_change_the_result_as_patch(self):
        levels = {field.name: field.level for field in Logistic(MLMode.FIT).versioned_fields()}
        assert levels == {
            "model_class": VersionType.MAJOR,
            "model_parameters.C": VersionType.MAJOR,
            "model_parameters.n_jobs": VersionType.PATCH,
            "predict_function": VersionType.MAJOR,
        }

    def test_levels_given_stay(self):
        class Op(SKSupervisedOp):
            model_class = VersionedField(LogisticRegression, VersionType.MINOR)
            model_parameters = VersionedFieldDict(
                VersionType.MINOR, {"C": VersionedField(1.0, VersionType.PATCH), "tol": 1e-3}
            )

        levels = {field.name: field.level for field in Op(MLMode.FIT).versioned_fields()}
        assert levels["model_class"] is VersionType.MINOR
        assert levels["model_parameters.C"] is VersionType.PATCH
        assert levels["model_parameters.tol"] is VersionType.MINOR
        assert Op(MLMode.FIT)._model.get_params()["tol"] == 1e-3

    def test_a_subclass_may_change_its_parameters(self):
        class Other(PCAOp):
            model_parameters = {"n_components": 3, "copy": False}

        op = Other(MLMode.FIT)
        assert op._model.n_components == 3
        assert op.__version__.major != PCAOp(MLMode.FIT).__version__.major
        assert PCAOp(MLMode.FIT)._model.n_components == 2

    def test_another_method_gives_the_output(self):
        class Probabilities(Logistic):
            predict_function = "predict_proba"

        op = Probabilities(MLMode.FIT_PREDICT)
        assert op.execute(X, y).shape == (150, 3)
        assert op.__version__.major != Logistic(MLMode.FIT).__version__.major

    def test_extra_parameters_reach_the_fit(self):
        class Weighted(Logistic):
            fit_extra_parameters = {"sample_weight": (y == 2).astype(float) + 1e-9}

        assert (Weighted(MLMode.FIT_PREDICT).execute(X, y) == 2).mean() > 0.9

    def test_training_is_repeatable_with_a_random_state_as_parameter(self):
        class Forest(SKSupervisedOp):
            model_class = RandomForestClassifier
            model_parameters = {"n_estimators": 3, "random_state": np.random.RandomState(0)}

        def trained():
            op = Forest(MLMode.FIT)
            op.execute(X, y)
            return op.fingerprint_of(op.serialize())

        assert trained() == trained()

    def test_a_class_without_a_model_is_refused(self):
        class Nothing(SKSupervisedOp):
            pass

        with pytest.raises(DefinitionError, match="nothing"):
            Nothing(MLMode.FIT).execute(X, y)

    def test_wrong_rows_fail_in_the_node_with_the_models_own_reason(self):
        op = PCAOp(MLMode.PREDICT)
        fitted = PCAOp(MLMode.FIT)
        fitted.execute(X)
        op.load(fitted.serialize())
        pipeline = Pipeline([Node(op, ["__pipeline_input__"], "__pipeline_output__")], "pred")
        with pytest.raises(NodeFailed, match="expecting 4 features"):
            run(pipeline, [[1.0, 2.0]])

    @pytest.mark.parametrize("serializer", [PickleSerializer, JoblibSerializer, SkopsSerializer])
    def test_states_come_back_by_any_serialiser(self, serializer):
        class Op(Logistic):
            serializer_cls = serializer

        op, other = Op(MLMode.FIT), Op(MLMode.PREDICT)
        op.execute(X, y)
        other.load(bytearray(op.serialize()))
        assert other.execute(ROW).tolist() == [0]

    def test_parameters_and_schema_are_facts(self):
        op = PCAOp(MLMode.FIT)
        op.execute(FRAME)
        facts = op.facts()
        assert facts["parameters"]["n_components"] == 2
        assert [column["name"] for column in facts["schema"]["columns"]] == list(FRAME.columns)
        assert facts["schema"]["example"]["sepal length (cm)"] == 5.1

    def test_large_loaded_models_predict_and_go_on_learning_from_any_kind_of_bytes(self):
        class Online(SKSupervisedOp):
            model_class = SGDClassifier
            model_parameters = {"random_state": 0}
            incremental = True

            def fit(self, X, y):
                self._model.partial_fit(X, y, classes=[0, 1])

        wide = np.random.default_rng(0).normal(size=(20, 2000))
        target = (wide[:, 0] > 0).astype(int)
        op = Online(MLMode.FIT_PREDICT)
        op.execute(wide, target)
        payload = op.serialize()
        for source in (payload, bytearray(payload), memoryview(payload)):
            other = Online(MLMode.FIT_PREDICT)
            other.load(source)
            assert other._model.t_ == op._model.t_
            assert (other.predict(wide) == op.predict(wide)).all()
            other.execute(wide, target)
            assert other._model.t_ > op._model.t_
        assert op.serialize() == payload


class TestColumns:
    @pytest.fixture
    def on_frame(self):
        op = PCAOp(MLMode.FIT)
        op.execute(FRAME)
        return op

    def test_names_reach_the_estimator(self, on_frame):
        assert list(on_frame._model.feature_names_in_) == list(FRAME.columns)

    def test_rows_without_names_take_those_of_the_fit(self, on_frame):
        expected = on_frame.predict(FRAME.iloc[:1])
        for rows in (ROW, np.array(ROW), [tuple(ROW[0])]):
            assert on_frame.predict(rows) == pytest.approx(expected)

    def test_a_frame_in_another_order_is_reordered(self, on_frame):
        expected = on_frame.predict(FRAME)
        assert on_frame.predict(FRAME[FRAME.columns[::-1]]) == pytest.approx(expected)

    def test_other_columns_are_refused_by_the_estimator(self, on_frame):
        with pytest.raises(ValueError, match="feature names"):
            on_frame.predict(FRAME.rename(columns={FRAME.columns[0]: "other"}))

    def test_records_are_ordered_by_the_names_of_the_fit(self, on_frame):
        records = FRAME[FRAME.columns[::-1]].to_dict(orient="records")
        assert on_frame.predict(records) == pytest.approx(on_frame.predict(FRAME))

    def test_records_with_other_names_are_refused_with_the_names(self, on_frame):
        record = {**FRAME.iloc[0].to_dict(), "colour": "blue"}
        del record["petal width (cm)"]
        with pytest.raises(InvalidInput, match=r"missing: petal width .cm.; unknown: colour"):
            on_frame.predict([record])

    def test_records_for_a_model_fitted_without_names_are_refused(self):
        op = PCAOp(MLMode.FIT)
        op.execute(X)
        with pytest.raises(InvalidInput, match="without names"):
            op.predict([dict.fromkeys("abcd", 1.0)])

    def test_records_for_a_model_that_takes_them(self):
        op = as_op(DictVectorizer(sparse=False), mode=MLMode.FIT)
        op.execute([{"a": 1.0, "b": 2.0}])
        assert op.predict([{"b": 3.0}]).tolist() == [[0.0, 3.0]]

    def test_a_frame_for_a_model_fitted_without_names(self):
        op = PCAOp(MLMode.FIT)
        op.execute(X)
        assert op.predict(FRAME) == pytest.approx(op.predict(X))

    def test_a_frame_that_the_op_gives_stays_one(self):
        op = as_op(StandardScaler().set_output(transform="pandas"), mode=MLMode.FIT_PREDICT)
        scaled = op.execute(FRAME)
        assert isinstance(scaled, pd.DataFrame)
        assert list(scaled.columns) == list(FRAME.columns)

    def test_rows_of_mixed_types_reach_the_columns_by_name(self):
        frame = pd.DataFrame({"size": [1.0, 2.0, 3.0], "kind": ["a", "b", "a"]})
        encode = make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["kind"]), (StandardScaler(), ["size"])
        )
        op = as_op(make_pipeline(encode, LinearRegression()), name="mixed")
        op.execute(frame, [1.0, 2.0, 3.0])
        assert op.predict([[2.0, "b"]]) == pytest.approx([2.0])
