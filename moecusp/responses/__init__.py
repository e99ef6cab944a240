"""Load responses G: how the imbalance of the load follows the score difference (docs/responses.md)."""

from moecusp.responses.base import LoadResponse
from moecusp.responses.empirical import EmpiricalResponse
from moecusp.responses.equilibria import ResponseEquilibria
from moecusp.responses.hard_gaussian import HardGaussianResponse
from moecusp.responses.logistic_normal import LogisticNormalResponse
from moecusp.responses.softmax import SoftmaxResponse

__all__ = [
    "EmpiricalResponse",
    "HardGaussianResponse",
    "LoadResponse",
    "LogisticNormalResponse",
    "ResponseEquilibria",
    "SoftmaxResponse",
]
