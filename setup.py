"""Packaging of jupyter_chariots."""

import re
from pathlib import Path

from setuptools import Distribution, find_packages, setup

HERE = Path(__file__).parent


class DistributionWithData(Distribution):
    """Carries ``data_files`` into editable installs too; plain setuptools leaves them out."""

    def has_data(self) -> bool:
        """Whether there is something to copy: asked by setuptools when it plans the install."""
        return bool(self.data_files)


def version() -> str:
    """The version, read from the package without importing it."""
    source = (HERE / "jupyter_chariots" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert found, "jupyter_chariots/__init__.py has no __version__"
    return found[1]


def lab_extension() -> list[tuple[str, list[str]]]:
    """The prebuilt extension of JupyterLab: where each of its files goes."""
    target = "share/jupyter/labextensions/jupyter-chariots"
    built = HERE / "labextension" / "prebuilt"
    files = [(target, ["labextension/install.json"])]
    for folder in sorted({path.parent for path in built.rglob("*") if path.is_file()}):
        inside = folder.relative_to(built).as_posix()
        names = sorted(p.relative_to(HERE).as_posix() for p in folder.iterdir() if p.is_file())
        files.append((f"{target}/{inside}" if inside != "." else target, names))
    return files


SKLEARN = ["scikit-learn>=1.4", "pandas>=2.1"]
ARROW = ["pyarrow>=15"]  # older ones unpickle what a stream brings
DASK = ["distributed>=2024.1"]
RQ = ["rq>=1.16", "redis>=5.0"]
LAB = ["jupyterlab>=4.2,<5"]

setup(
    name="jupyter-chariots",
    version=version(),
    description="Serve versioned machine-learning pipelines from the Jupyter server you have open",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["jupyter_chariots", "jupyter_chariots.*"]),
    package_data={
        "jupyter_chariots": [
            "py.typed",
            "__init__.pyi",
            "server/openapi.yaml",
            "server/events/*.yaml",
        ]
    },
    data_files=[
        ("etc/jupyter/jupyter_server_config.d", ["jupyter_chariots/server/jupyter_chariots.json"]),
        *lab_extension(),
    ],
    # `jupyter chariots …` looks for it
    entry_points={"console_scripts": ["jupyter-chariots = jupyter_chariots.cli:main"]},
    distclass=DistributionWithData,
    install_requires=[
        "cloudpickle>=3.0",  # carries classes that are defined in a notebook
        "ipython>=8.0",
        "ipywidgets>=8.0,<9",
        "jupyter-client>=7.4.4",
        "jupyter-core>=5.3",
        "jupyter-events>=0.11",
        "jupyter-server>=2.16,<3",  # the first one that starts extensions
        "nbformat>=5.9",
        "prometheus-client>=0.16",  # what jupyter-server's own /metrics is made with
        "sqlite-utils>=4.0,<5",
        "tornado>=6.3",
        "traitlets>=5.9",
    ],
    extras_require={
        "sklearn": SKLEARN,
        "keras": ["keras>=3.6"],  # and a backend, of the user's choice: jax, torch or tensorflow
        "skops": ["skops>=0.10"],
        "arrow": ARROW,
        "dask": DASK,
        "rq": RQ,
        "fsspec": ["fsspec>=2024.2"],
        "lab": LAB + SKLEARN,
        "test": [
            *LAB,
            *SKLEARN,
            *ARROW,
            *DASK,
            *RQ,
            "build>=1.2",
            "fsspec>=2024.2",
            "hypothesis>=6.100",
            "jax>=0.4.30",
            "jsonschema>=4.20",
            "keras>=3.6",
            "mypy>=1.13",
            "nbclient>=0.10",
            "notebook>=7.2",
            "openapi-spec-validator>=0.7",
            "playwright>=1.49",  # drives a Chromium that is there; brings none
            "pandas-stubs",
            "psutil>=5.9",  # what the processes of a contestant use, in benchmarks
            "polars>=1.0",
            "pytest>=8.3",
            "pytest-jupyter[server]>=0.10",
            "pytest-randomly>=3.15",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "pyyaml>=6.0",
            "ruff>=0.9",
            "schemathesis>=4.10",  # makes up requests from openapi.yaml
            "setuptools>=77",  # what pyproject.toml builds with: the tests build offline
            "skops>=0.10",
            "tritonclient[http]>=2.40",  # a client of /v2 that is not ours
            "types-PyYAML",
            "websocket-client>=1.7",  # listens to the events of a live server
            # the same without CUDA, except on a Mac, which has none
            "xgboost-cpu>=2.1; sys_platform != 'darwin'",
            "xgboost>=2.1; sys_platform == 'darwin'",
        ],
    },
    classifiers=[
        "Framework :: Jupyter",
        "Framework :: Jupyter :: JupyterLab :: 4",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Typing :: Typed",
    ],
)
