"""The claims: their form, that each is judged or says why not, and that each finding of the studies is of use."""

import re
from pathlib import Path

import pytest

from tests.validation import digits_truth, mean_field_truth, soft_hard_truth
from tests.validation.planted import stored
from tests.validation.routers import truth as routers_truth
from validation.__main__ import STUDIES
from validation.claims import ClaimsError, check, read
from validation.digits.study import STUDY as DIGITS
from validation.mean_field.study import STUDY as MEAN_FIELD
from validation.routers.study import STUDY as ROUTERS
from validation.soft_hard.study import STUDY as SOFT_HARD

ROOT = Path(__file__).parents[2]
MINIMAL = """
[studies]
first = "runs"
later = "planned"
[claims.A1]
says = "It is so."
source = "ours"
judged = { first = ["first.value", "first.of.*"] }
[claims.A2]
says = "It is not."
source = "ours"
open = "Not measured."
by = "later"
"""
IDS = {f"{letter}{k}" for letter, last in zip("KRZP", (9, 6, 9, 9), strict=True) for k in range(1, last + 1)}


@pytest.fixture(scope="module", name="found")
def _found(tmp_path_factory):
    """What each study finds, its runs planted."""
    folder, truth, limit = tmp_path_factory.mktemp, mean_field_truth, soft_hard_truth
    plan = stored(folder("plan"), MEAN_FIELD.predict(truth.PROFILE, 0))
    bounds = stored(folder("plan"), SOFT_HARD.predict(limit.PROFILE, 0))
    gates = stored(folder("plan"), ROUTERS.predict(routers_truth.PROFILE, 0))
    return {
        "digits": DIGITS.judge(digits_truth.PROFILE, digits_truth.planned(folder("plan")), digits_truth.planted()),
        "mean-field": MEAN_FIELD.judge(truth.PROFILE, plan, truth.planted(plan)),
        "soft-hard": SOFT_HARD.judge(limit.PROFILE, bounds, limit.planted(bounds)),
        "routers": ROUTERS.judge(routers_truth.PROFILE, gates, routers_truth.planted(gates)),
    }


class TestTheClaims:
    def test_all_are_there(self):
        assert {claim.id for claim in read().claims} >= IDS

    def test_findings_and_claims_fit(self, found):
        assert set(found) == set(STUDIES)
        produced = {study: [each.id for each in every] for study, every in found.items()}
        controls = [each.id for every in found.values() for each in every if each.expected]
        check(read(), produced, controls)

    def test_only_studies_that_run_judge(self):
        judging = {study for claim in read().claims for study in claim.judged}
        assert judging == set(STUDIES) <= set(read().studies)

    def test_no_reason_promises_a_study_that_nobody_knows_as_planned(self):
        known = read().studies
        for claim in read().claims:
            if claim.open and claim.by not in STUDIES:
                assert known[claim.by].startswith("planned: "), claim.id

    def test_the_tests_that_decide_one_are_there(self):
        named = [each for claim in read().claims for each in claim.tests]
        assert named
        for each in named:
            path, *names = each.split("::")
            text = (ROOT / path).read_text()
            for kind, name in zip(("class", "def") if len(names) == 2 else ("def",), names, strict=True):
                assert re.search(rf"^ *{kind} {name}\b", text, re.MULTILINE), each


class TestForm:
    def test_minimal(self):
        first, second = read(MINIMAL).claims
        assert (first.id, first.judged) == ("A1", {"first": ("first.value", "first.of.*")})
        assert first.names("first", "first.of.8")
        assert not first.names("later", "first.value")
        assert not first.names("first", "first.other")
        assert (second.open, second.by, second.judged) == ("Not measured.", "later", {})

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("claims.A2", "claims.A1", "twice"),
            ('says = "It is so."\n', "", "A1: without ['says']"),
            ('source = "ours"\njudged', 'source = ""\njudged', "A1: a text is due"),
            ('by = "later"', 'by = "later"\nwhy = "?"', "A2: unknown keys ['why']"),
            ('by = "later"', 'by = "never"', "A2: unknown study never"),
            ('by = "later"', "", "A2: open and by go together"),
            ('open = "Not measured."', "", "A2: neither judged nor a reason"),
            ('{ first = ["first.value", "first.of.*"] }', "{}", "A1: neither judged nor a reason"),
            ('{ first = ["first.value", "first.of.*"] }', "{ first = [] }", "A1: first: a list of texts is due"),
            ('{ first = ["first.value", "first.of.*"] }', '["first.value"]', "A1: judged: a table is due"),
            ('first = ["first.value"', 'second = ["first.value"', "A1: unknown study second"),
            ('"first.of.*"', '"first.value"', "A1: first: one stands twice"),
            ("[studies]", "[stories]", "the file: unknown keys ['stories']"),
            ('first = "runs"', "first = 1", "study first: a text is due"),
        ],
    )
    def test_bad(self, old, new, said):
        assert old in MINIMAL
        with pytest.raises(ClaimsError, match=re.escape(said)):
            read(MINIMAL.replace(old, new))


class TestCheck:
    """What `test_findings_and_claims_fit` would complain of."""

    FIT = {"first": ["first.value", "first.of.2", "first.of.8", "first.control"]}  # noqa: RUF012

    def test_fit(self):
        check(read(MINIMAL), self.FIT, ["first.control"])

    @pytest.mark.parametrize(
        ("produced", "controls", "said"),
        [
            (FIT, [], "first.control: no claim names this finding of first"),
            ({"first": [*FIT["first"], "first.more"]}, ["first.control"], "first.more: no claim"),
            ({"first": FIT["first"][1:]}, ["first.control"], "A1: first produces no finding first.value"),
            (
                {"first": ["first.value", "first.control"]},
                ["first.control"],
                "A1: first produces no finding first.of.*",
            ),
            ({"later": []}, [], "A1: the study first does not run"),
            ({**FIT, "later": ["first.value"]}, ["first.control"], "no claim names this finding of later"),
        ],
    )
    def test_misfit(self, produced, controls, said):
        with pytest.raises(ClaimsError, match=re.escape(said)):
            check(read(MINIMAL), produced, controls)
