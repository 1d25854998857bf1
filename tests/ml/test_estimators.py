import pickle

import cloudpickle
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from jupyter_chariots import (
    MLMode,
    Node,
    OpStore,
    Pipeline,
    SequentialRunner,
    VersionType,
    as_op,
)
from jupyter_chariots.errors import DefinitionError, InvalidName, NotLoaded

X, y = load_iris(return_X_y=True)
FRAME = load_iris(as_frame=True).data
ROW = [[5.1, 3.5, 1.4, 0.2]]
run = SequentialRunner().run


class TestAsOp:
    def test_trains_any_estimator(self):
        assert as_op(PCA(n_components=2)).execute(X).shape == (150, 2)
        assert as_op(LogisticRegression(max_iter=500)).execute(X, y).shape == (150,)
        assert as_op(KMeans(3, n_init=1, random_state=0)).execute(X).shape == (150,)
        model = make_pipeline(StandardScaler(), PCA(2), DecisionTreeClassifier(random_state=0))
        assert (as_op(model, name="tree").execute(X, y) == y).mean() > 0.9

    def test_names_and_modes(self):
        op = as_op(PCA(2), name="reduce", mode=MLMode.FIT)
        assert op.name == "reduce"
        assert op.mode is MLMode.FIT
        assert as_op(PCA(2)).name == "pca"
        assert as_op(PCA(2)).mode is MLMode.FIT_PREDICT
        assert as_op(PCA(2).fit(X)).mode is MLMode.PREDICT
        with pytest.raises(InvalidName):
            Pipeline([Node(as_op(PCA(2), name="a/b"))], "p")

    def test_levels_of_what_is_learned(self):
        forest = make_pipeline(StandardScaler(), RandomForestClassifier())
        assert as_op(forest).training_update_version is VersionType.PATCH
        assert as_op(LinearRegression()).training_update_version is VersionType.PATCH
        assert as_op(PCA()).training_update_version is VersionType.MAJOR
        assert as_op(KMeans()).training_update_version is VersionType.MAJOR

    def test_parameters_are_major_and_what_cannot_change_the_result_is_patch(self):
        def version(**parameters):
            return as_op(RandomForestClassifier(**parameters)).__version__

        plain = version(n_estimators=5)
        assert version(n_estimators=5) == plain
        assert version(n_estimators=6).major != plain.major
        for neutral in ({"n_jobs": 2}, {"verbose": 1}):
            assert version(n_estimators=5, **neutral).major == plain.major
            assert version(n_estimators=5, **neutral).minor == plain.minor

    def test_parameters_of_nested_estimators_count(self):
        def version(**parameters):
            model = make_pipeline(SimpleImputer(), PCA(**parameters))
            return as_op(GridSearchCV(model, {"pca__tol": [0.0]})).__version__

        assert version(n_components=2) == version(n_components=2)
        assert version(n_components=2).major != version(n_components=3).major
        assert version(n_components=2, copy=False).major == version(n_components=2).major

    def test_estimators_among_the_candidates_of_a_search_count(self):
        def version(depth):
            steps = make_pipeline(StandardScaler(), DecisionTreeClassifier())
            trees = [DecisionTreeClassifier(max_depth=depth)]
            return as_op(GridSearchCV(steps, {"decisiontreeclassifier": trees})).__version__

        assert version(1) == version(1)
        assert version(1).major != version(2).major

    def test_a_default_that_is_written_out_is_no_change(self):
        assert as_op(PCA()).__version__ == as_op(PCA(whiten=False)).__version__
        assert (
            as_op(SimpleImputer()).__version__
            == as_op(SimpleImputer(missing_values=float("nan"))).__version__
        )

    def test_the_estimator_given_is_left_alone(self):
        model = PCA(2)
        as_op(model, mode=MLMode.FIT).execute(X)
        assert not hasattr(model, "components_")

    def test_the_method_that_gives_the_output(self):
        op = as_op(LogisticRegression(max_iter=500), predict_function="predict_proba")
        assert op.execute(X, y).shape == (150, 3)
        with pytest.raises(DefinitionError, match="guess"):
            as_op(PCA(2), predict_function="guess")
        with pytest.raises(DefinitionError, match="predict or transform"):
            as_op(TSNE())

    @pytest.mark.parametrize("thing", [PCA, print, 3, None])
    def test_what_is_no_estimator_is_refused(self, thing):
        with pytest.raises(DefinitionError, match="no estimator"):
            as_op(thing)

    def test_functions_and_classes_of_this_module_travel_in_the_state(self):
        op = as_op(make_pipeline(FunctionTransformer(lambda rows: rows * 2), PCA(2)), name="own")
        op.execute(X)
        other = as_op(make_pipeline(FunctionTransformer(lambda rows: rows), PCA(2)), name="own")
        other.load(op.serialize())
        assert other.predict(ROW) == pytest.approx(op.predict(ROW))

    def test_one_without_state_predicts_at_once_and_needs_no_load(self):
        op = as_op(FunctionTransformer(lambda rows: [2 * row for row in rows]), name="double")
        assert op.mode is MLMode.PREDICT
        assert not op.needs_state
        assert op.learned is None
        assert op.execute([1]) == [2]

    def test_a_pipeline_is_fitted_when_all_its_steps_are(self):
        model = make_pipeline(StandardScaler(), FunctionTransformer(), "passthrough")
        assert as_op(model).mode is MLMode.FIT_PREDICT
        assert as_op(model.fit(X)).mode is MLMode.PREDICT
        assert as_op(model.fit(X)).learned is not None

    def test_an_unfitted_one_cannot_predict(self):
        with pytest.raises(NotLoaded, match="'pca'"):
            as_op(PCA(2), mode=MLMode.PREDICT).execute(X)


class TestImportedModels:
    @pytest.fixture
    def model(self):
        return LogisticRegression(max_iter=500).fit(FRAME, y)

    def test_predicts_at_once(self, model):
        assert as_op(model, name="imported").execute(ROW).tolist() == [0]

    def test_is_learned_state_of_unknown_lineage(self, model):
        op = as_op(model, name="imported")
        learned = op.learned
        assert learned is not None
        assert learned.op == "imported"
        assert learned.fitted
        assert learned.lineage is None
        assert learned.version == op.op_version != op.__version__
        assert learned.facts["schema"]["columns"][0] == {"name": "sepal length (cm)"}
        assert learned.facts["parameters"]["max_iter"] == 500

    def test_has_the_version_of_the_model_whoever_imports_it(self, model):
        again = pickle.loads(pickle.dumps(model))
        assert as_op(model, name="a").op_version == as_op(again, name="a").op_version

    def test_training_the_original_again_changes_nothing(self, model):
        op = as_op(model, name="imported")
        model.fit(FRAME, 2 - y)
        assert op.execute(ROW).tolist() == [0]

    def test_can_be_given_to_an_op_that_trains_or_was_trained_alike(self, model):
        trained = as_op(LogisticRegression(max_iter=500), name="imported", mode=MLMode.FIT)
        trained.execute(FRAME, y)
        imported = as_op(model, name="imported")
        assert imported.__version__ == trained.__version__
        assert imported.learned.fingerprint == trained.fingerprint_of(trained.serialize())

    def test_in_a_mode_that_fits_only_its_parameters_count(self, model):
        op = as_op(model, name="imported", mode=MLMode.FIT)
        assert not op.is_trained
        assert op.learned is None

    def test_the_state_does_not_travel_in_the_definition(self, model):
        op = as_op(model, name="imported")
        pipeline = Pipeline([Node(op, ["__pipeline_input__"], "__pipeline_output__")], "pred")
        copy = pickle.loads(cloudpickle.dumps(pipeline))
        assert copy.spec.digest == pipeline.spec.digest
        with pytest.raises(NotLoaded):
            run(copy, ROW)
        copy.ops["imported"].load(op.serialize())
        assert run(copy, ROW).tolist() == [0]

    def test_is_saved_and_loaded_with_a_warning(self, model, tmp_path):
        def imported():
            op = as_op(model, name="imported")
            return Pipeline([Node(op, ["__pipeline_input__"], "__pipeline_output__")], "pred")

        store = OpStore(tmp_path / "op_store.db", secret=b"secret of the test")
        try:
            first, second = imported(), imported()
            assert first.save(store) is not None
            assert first.save(store) is None
            (warning,) = second.load(store)
            assert "imported" in warning
            assert run(second, ROW).tolist() == [0]
        finally:
            store.close()
