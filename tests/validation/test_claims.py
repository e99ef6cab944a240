"""The claims: their form, that each is judged or says why not, and that each finding of the studies is of use."""

import re
from pathlib import Path

import pytest

from tests.validation import digits_truth, mean_field_truth, soft_hard_truth
from tests.validation.ecology import truth as ecology_truth
from tests.validation.planted import stored
from tests.validation.routers import truth as routers_truth
from tests.validation.trained import truth as trained_truth
from validation.__main__ import STUDIES
from validation.claims import ClaimsError, check, read
from validation.digits.study import STUDY as DIGITS
from validation.ecology.study import STUDY as ECOLOGY
from validation.mean_field.study import STUDY as MEAN_FIELD
from validation.routers.study import STUDY as ROUTERS
from validation.soft_hard.study import STUDY as SOFT_HARD
from validation.trained.study import STUDY as TRAINED

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
    design = stored(folder("plan"), ECOLOGY.predict(ecology_truth.PROFILE, 0))
    gates = stored(folder("plan"), ROUTERS.predict(routers_truth.PROFILE, 0))
    small = stored(folder("plan"), TRAINED.predict(trained_truth.PROFILE, 0))
    return {
        "digits": DIGITS.judge(digits_truth.PROFILE, digits_truth.planned(folder("plan")), digits_truth.planted()),
        "mean-field": MEAN_FIELD.judge(truth.PROFILE, plan, truth.planted(plan)),
        "soft-hard": SOFT_HARD.judge(limit.PROFILE, bounds, limit.planted(bounds)),
        "ecology": ECOLOGY.judge(ecology_truth.PROFILE, design, ecology_truth.planted(design)),
        "routers": ROUTERS.judge(routers_truth.PROFILE, gates, routers_truth.planted(gates)),
        "trained": TRAINED.judge(trained_truth.PROFILE, small, trained_truth.planted(small)),
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
            ('says = "It is so."\n', "", "A1: without ['says']"),
            ('source = "ours"\njudged', 'source = ""\njudged', "A1: a text is due, not ''"),
            ('source = "ours"\nopen', 'source = " "\nopen', "A2: a text is due, not ' '"),
            (
                'by = "later"',
                'by = "later"\nwhy = "?"\nnot = 1',
                "A2: unknown keys ['not', 'why']; known: ['by', 'judged', 'open', 'says', 'source', 'tests']",
            ),
            ('by = "later"', 'by = "never"', "A2: unknown study never; known: first, later"),
            ('by = "later"', "", "A2: open and by go together: what is open, and the study that will judge it"),
            ('open = "Not measured."', "tests = ['a']", "A2: open and by go together: what is open, and the study that "
             "will judge it"),
            ('open = "Not measured."', "", "A2: neither judged nor a reason why it is open"),
            (
                '{ first = ["first.value", "first.of.*"] }',
                "{}",
                "A1: neither judged nor a reason why it is open",
            ),
            ('["first.value", "first.of.*"] }', "[] }", "A1: first: a list of texts is due, not []"),
            ('["first.value", "first.of.*"] }', "'f' }", "A1: first: a list of texts is due, not 'f'"),
            ('"first.of.*"', "1", "A1: first: a text is due, not 1"),
            ('{ first = ["first.value", "first.of.*"] }', '["first"]', "A1: judged: a table is due, not ['first']"),
            ('first = ["first.value"', 'second = ["first.value"', "A1: unknown study second; known: first, later"),
            (
                '"first.of.*"',
                '"first.value"',
                "A1: first: one stands twice: ('first.value', 'first.value')",
            ),
            ('by = "later"', 'by = "later"\ntests = 1', "A2: tests: a list of texts is due, not 1"),
            ("[studies]", "[stories]", "the file: unknown keys ['stories']; known: ['claims', 'studies']"),
            ('[studies]\nfirst = "runs"\nlater = "planned"\n', "", "the file: without ['studies']"),
            ("[claims.A1]", "[claims]\nA0 = 1\n[claims.A1]", "A0: a table is due"),
            ('first = "runs"', "first = 1", "study first: a text is due, not 1"),
        ],
    )  # fmt: skip
    def test_bad(self, old, new, said):
        assert old in MINIMAL
        with pytest.raises(ClaimsError, match=f"^{re.escape(said)}$"):
            read(MINIMAL.replace(old, new))

    def test_an_id_that_stands_twice(self):
        with pytest.raises(ClaimsError, match=r"^no TOML, or an id that stands twice: .*A1"):
            read(MINIMAL.replace("claims.A2", "claims.A1"))

    def test_every_field(self):
        full = MINIMAL.replace('by = "later"', 'by = "later"\ntests = ["tests/a.py", "tests/b.py"]')
        second = read(full).claims[1]
        assert (second.says, second.source, second.tests) == ("It is not.", "ours", ("tests/a.py", "tests/b.py"))
        assert read(full).studies == {"first": "runs", "later": "planned"}
        assert read(MINIMAL).claims[0].tests == ()
        assert read(MINIMAL).claims[0].by == read(MINIMAL).claims[0].open == ""

    def test_tests_alone_decide(self):
        alone = MINIMAL.replace('open = "Not measured."\nby = "later"', 'tests = ["tests/a.py"]')
        assert read(alone).claims[1].judged == {}


class TestCheck:
    """What `test_findings_and_claims_fit` would complain of."""

    FIT = {"first": ["first.value", "first.of.2", "first.of.8", "first.control"]}  # noqa: RUF012

    def test_fit(self):
        check(read(MINIMAL), self.FIT, ["first.control"])

    @pytest.mark.parametrize(
        ("produced", "controls", "said"),
        [
            (FIT, [], "first.control: no claim names this finding of first"),
            (
                {"first": [*FIT["first"], "first.more"]},
                ["first.control"],
                "first.more: no claim names this finding of first",
            ),
            ({"first": FIT["first"][1:]}, ["first.control"], "A1: first produces no finding first.value"),
            (
                {"first": ["first.value", "first.control"]},
                ["first.control"],
                "A1: first produces no finding first.of.*",
            ),
            ({"later": []}, [], "A1: the study first does not run; say what is open instead"),
            ({**FIT, "later": ["first.value"]}, ["first.control"], "first.value: no claim names this finding of later"),
        ],
    )
    def test_misfit(self, produced, controls, said):
        with pytest.raises(ClaimsError, match=f"^{re.escape(said)}$"):
            check(read(MINIMAL), produced, controls)
