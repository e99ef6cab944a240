"""Findings of an examination: the table, the status, the summary."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from moecusp.routing.findings import Examination, Finding, State

EXAMINED = Examination(
    "Its",
    (
        Finding("b", "x" * 41, State.OK, "fine"),
        Finding("a", "one", State.WARN, "so", "do this"),
        Finding("b", "two", State.FAIL, "no", "do that"),
        Finding("a", "three", State.WARN, "so", "do this"),
        Finding("a", "y" * 40, State.WARN, "so", "do that"),
    ),
)


class TestFindings:
    def test_table(self):
        assert str(EXAMINED).splitlines() == [
            "check  where                                     state  reason",
            "b      ..." + "x" * 37 + "  ok     fine",
            "a      2 routers                                 warn   so",
            "b      two                                       fail   no",
            "a      " + "y" * 40 + "  warn   so",
            "to do: do this",
            "to do: do that",
        ]

    def test_status(self):
        ok, warn, fail, none = (Finding("a", "b", state, "c") for state in State)
        for findings, status in (((ok, none), 0), ((ok, warn), 1), ((warn, fail), 2), ((fail,), 2), ((), 0)):
            assert Examination("m", findings).status == status
        assert [state.value for state in State] == ["ok", "warn", "fail", "not applicable"]

    def test_summary(self):
        assert Examination("m", EXAMINED.findings[1:2]).summary() == {
            "schema_version": 1, "model": "m", "status": 1,
            "findings": [{"check": "a", "site": "one", "state": "warn", "reason": "so", "remedy": "do this"}],
        }  # fmt: skip
        assert [finding.site for finding in EXAMINED["b"]] == ["x" * 41, "two"]
        assert list(EXAMINED) == list(EXAMINED.findings)
