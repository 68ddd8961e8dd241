"""Metrics of predicted ratings and of yes-or-no predictions: scikit-learn's, under the field's names.

They are not rewritten here; every argument is scikit-learn's. All take (y_true, y_predicted).
`precision`, `recall` and `f1` of this package are those of ranked lists; the ones of a classifier are
called `binary_precision`, `binary_recall` and `binary_f1`.
"""

from sklearn.metrics import accuracy_score as accuracy
from sklearn.metrics import brier_score_loss as brier_score
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.metrics import f1_score as binary_f1
from sklearn.metrics import mean_absolute_error as mae
from sklearn.metrics import precision_score as binary_precision
from sklearn.metrics import r2_score as r2
from sklearn.metrics import recall_score as binary_recall
from sklearn.metrics import roc_auc_score as roc_auc
from sklearn.metrics import root_mean_squared_error as rmse

__all__ = [
    "accuracy",
    "binary_f1",
    "binary_precision",
    "binary_recall",
    "brier_score",
    "confusion_matrix",
    "log_loss",
    "mae",
    "r2",
    "rmse",
    "roc_auc",
]
