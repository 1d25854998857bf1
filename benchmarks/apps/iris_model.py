"""The prediction that every server makes, trained when it is imported: 20 ms."""

from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

_X, _y = load_iris(return_X_y=True)
pca = PCA(2).fit(_X)
classifier = LogisticRegression(max_iter=1000).fit(pca.transform(_X), _y)


def predict(rows):
    """The classes of some rows of four numbers."""
    return classifier.predict(pca.transform(rows)).tolist()
