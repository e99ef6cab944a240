"""What tests of the examination say and take: a finding, a place, a model with a configuration."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace
from typing import Any

from torch import nn

from moecusp.routing.sites import Place
from tests.routing.own import Experts


def said(finding):
    return finding.check, finding.site, finding.state.value, finding.reason, finding.remedy


def place(**more: Any) -> Place:
    return Place("a", **{"module": Experts(), "reader": None, **more})


class Configured(nn.Module):
    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)
