"""MLflow's model registry on SQLite, with artifacts in files: ``mlflow_registry.py FOLDER``."""

import contextlib
import sqlite3
import sys
import time
from pathlib import Path

from asked import answer
from mlflow import MlflowClient

FOLDER = Path(sys.argv[1])
MODEL, ALIAS = "weights", "newest"
client = MlflowClient(f"sqlite:///{FOLDER / 'mlflow.db'}")
experiment = client.create_experiment("bench", artifact_location=(FOLDER / "artifacts").as_uri())
run_id = client.create_run(experiment).info.run_id
client.create_registered_model(MODEL)
names = iter(range(10**9))


def save(path: str) -> float:
    """Log a file as artifact, make a version of it, let the alias point to it; seconds."""
    before = time.perf_counter()
    inside = f"v{next(names)}"
    client.log_artifact(run_id, path, inside)
    source = f"{(FOLDER / 'artifacts').as_uri()}/{run_id}/artifacts/{inside}"
    version = client.create_model_version(MODEL, source, run_id)
    client.set_registered_model_alias(MODEL, ALIAS, version.version)
    return time.perf_counter() - before


def load() -> float:
    """Find the version of the alias, get its file and read it; seconds."""
    before = time.perf_counter()
    version = client.get_model_version_by_alias(MODEL, ALIAS)
    inside = version.source.rsplit("/", 1)[1]
    folder = Path(client.download_artifacts(run_id, inside))
    for file in folder.iterdir():
        file.read_bytes()
    return time.perf_counter() - before


def fill(versions: int, path: str) -> None:
    """Have so many versions, by rows that are like the last one."""
    save(path)
    last = int(client.get_model_version_by_alias(MODEL, ALIAS).version)
    with contextlib.closing(sqlite3.connect(FOLDER / "mlflow.db")) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(model_versions)")]
        others = ", ".join(name for name in columns if name not in ("version", "name"))
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO model_versions (name, version, {others}) "
            f"SELECT name, i, {others} FROM model_versions, n WHERE version = ? AND i <= ?",
            (last + 1, versions, last, versions),
        )


answer({"save": save, "load": load, "fill": fill})
