"""The audit of the formal layer on a small library: holes, axioms, shadowed and missing statements, each planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.coq import check, mutations, sources
from proofs.coq.mutations import Mutation

FILES = {
    "_CoqProject": "-Q . MoeCusp\nDefinitions.v\nStatements.v\nLemmas.v\nMain.v\n",
    "Definitions.v": "Definition twice (n : nat) := n + n.\n",
    "Statements.v": (
        "Require Import Definitions.\n\n(** [twice.zero] Twice 0\n    is 0. *)\n"
        "Definition twice_zero : Prop :=\n  twice 0 = 0.\n\n"
        "(** [twice.one] Twice 1 is 2. *)\nDefinition twice_one : Prop := twice 1 = 2.\n"
    ),
    "Lemmas.v": (
        "From MoeCusp Require Import Definitions.\nLemma zero : twice 0 = 0. Proof. reflexivity. Qed.\n"
        "Lemma one : twice 1 = 2. Proof. reflexivity. Qed.\n"
    ),
    "Main.v": (
        "From MoeCusp Require Import Definitions Lemmas.\nFrom MoeCusp Require Statements.\n"
        "Theorem twice_zero : Statements.twice_zero.\nProof. exact zero. Qed.\n"
        "Theorem twice_one : Statements.twice_one.\nProof. exact one. Qed.\n"
    ),
}
FILES["Statements.v"] = FILES["Statements.v"].replace("Require", "From MoeCusp Require", 1)
coq = pytest.mark.skipif(not check.available(), reason="needs Coq")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def edit(library: Path, name: str, old: str, new: str) -> None:
    text = (library / name).read_text()
    assert old in text
    (library / name).write_text(text.replace(old, new))


class TestSources:
    def test_nothing_wrong(self, library: Path) -> None:
        assert sources.forbidden(library) == sources.inconsistencies(library) == []
        found = sources.statements(library)
        assert [(s.id, s.name, s.text, s.formula) for s in found.values()] == [
            ("twice.zero", "twice_zero", "Twice 0 is 0.", "twice 0 = 0"),
            ("twice.one", "twice_one", "Twice 1 is 2.", "twice 1 = 2"),
        ]
        assert sources.sources(library) == ["Definitions.v", "Statements.v", "Lemmas.v", "Main.v"]

    @pytest.mark.parametrize(
        "hole",
        [
            "Admitted.",
            "admit.",
            "give_up.",
            "Axiom a : False.",
            "Axioms a : False.",
            "Parameter a : False.",
            "Parameters a : nat.",
            "Conjecture a : False.",
            "Unset Guard Checking.",
            "Unset  Positivity Checking.",
            "Unset Universe Checking.",
            "#[bypass_check(guard)]",
            'Declare ML Module "a".',
            "Primitive a := #int63_add.",
            "Variable a : False.",
            "Variables a : False.",
            "Hypothesis a : False.",
            "Hypotheses a : False.",
            "Context (a : False).",
            "Section A. End A. Variable a : False.",
            "Variable a : False. Section A. Variable b : nat.",
            "(* (* *) *) Admitted.",
        ],
    )
    def test_holes(self, hole: str, library: Path) -> None:
        (library / "Lemmas.v").write_text(FILES["Lemmas.v"] + hole + "\n")
        assert len(sources.forbidden(library)) == 1
        assert sources.forbidden(library)[0].startswith("Lemmas.v:4: ")

    @pytest.mark.parametrize(
        "fine",
        [
            "(* Admitted. *)",
            "(* a (* Axiom *) Admitted *)",
            '(* "*)" *) Definition s := "Admitted".',
            "Section A. Variable a : nat. End A.",
            "Definition Admitted_not := 0.",
        ],
    )
    def test_no_holes(self, fine: str, library: Path) -> None:
        (library / "Lemmas.v").write_text(fine + "\n")
        assert sources.forbidden(library) == []

    @pytest.mark.parametrize("name", ["Definitions.v", "Statements.v", "Main.v"])
    def test_modules_could_shadow(self, name: str, library: Path) -> None:
        (library / name).write_text(FILES[name] + "Module Statements.\nEnd Statements.\n")
        assert any("shadow" in found for found in sources.forbidden(library))

    @pytest.mark.parametrize(
        ("name", "old", "new", "complaint"),
        [
            ("_CoqProject", "Lemmas.v\n", "", "Lemmas.v: not listed"),
            ("_CoqProject", "Main.v", "Main.v More.v", "More.v: listed in _CoqProject but missing"),
            ("Statements.v", "(** [twice.one] Twice 1 is 2. *)", "", "twice_one has no statement id"),
            ("Statements.v", "twice_one : Prop", "twice_two : Prop", "id twice.one and name twice_two differ"),
            ("Statements.v", "(** [twice.one]", "Lemma more : True.\n\n(** [twice.one]", "more has no statement id"),
            (
                "Main.v",
                "Theorem twice_one : Statements.twice_one",
                "Theorem twice_one : Statements.twice_zero",
                "proves",
            ),
            ("Main.v", "Proof. exact one. Qed.", "Proof. exact one. Admitted.", "twice_one is not proved"),
            ("Main.v", "Theorem twice_one", "(* Theorem twice_one", "twice_one is not proved"),
            (
                "Main.v",
                "Theorem twice_one : Statements.twice_one",
                "Theorem other : Statements.other",
                "is not a statement",
            ),
        ],
    )
    def test_disagreement(self, name: str, old: str, new: str, complaint: str, library: Path) -> None:
        edit(library, name, old, new)
        assert any(complaint in found for found in sources.inconsistencies(library)), sources.inconsistencies(library)

    def test_a_statement_defined_twice(self, library: Path) -> None:
        again = "\n\n(** [twice.one] Again. *)\nDefinition twice_one : Prop := True.\n"
        (library / "Statements.v").write_text(FILES["Statements.v"] + again)
        assert "Statements.v: twice_one is defined twice" in sources.inconsistencies(library)

    def test_axioms_are_read_from_what_coq_prints(self) -> None:
        assert check.parse_assumptions("Closed under the global context\n") == frozenset()
        printed = "Axioms:\nClassical_Prop.classic : forall P : Prop, P \\/ ~ P\nbad\n  : False\n"
        assert check.parse_assumptions(printed) == {"Classical_Prop.classic", "bad"}
        assert list(check._beyond({"t": frozenset({"Classical_Prop.classic"})})) == []
        assert list(check._beyond({"t": frozenset({"Classical_Prop.classic", "bad"})})) == ["t: assumes bad"]

    def test_the_axioms_allowed(self) -> None:
        """Those of Coq's classical real numbers; any other is a change that needs a reason here."""
        assert sorted(name.split(".")[-1] for name in check.ALLOWED) == [
            "classic",
            "functional_extensionality_dep",
            "sig_forall_dec",
            "sig_not_dec",
        ]

    def test_without_coq_nothing_is_sound(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check, "available", lambda: False)
        report = check.audit(library)
        assert (report.ran, report.ok, report.problems) == (False, False, [])
        assert check.main([]) == check.NOT_RUN
        assert mutations.main([]) == check.NOT_RUN


@coq
class TestAudit:
    @pytest.mark.parametrize("each", [False, True])
    def test_sound(self, each: bool, library: Path) -> None:
        report = check.audit(library, each)
        assert report.ok, report.problems
        assert report.axioms == {"twice_zero": frozenset(), "twice_one": frozenset()}
        assert report.build is not None
        assert not report.build.directory.exists()

    @pytest.mark.parametrize("each", [False, True])
    def test_an_axiom(self, each: bool, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Asked of Coq, whatever the reading of the sources finds."""
        monkeypatch.setattr(check, "forbidden", lambda _: [])
        proof = "Lemma one : twice 1 = 2. Proof. reflexivity. Qed."
        edit(library, "Lemmas.v", proof, "Axiom one : twice 1 = 2.")
        report = check.audit(library, each)
        assert not report.ok
        assert any("twice_one: assumes" in problem for problem in report.problems)
        assert any("twice_zero: assumes" in problem for problem in report.problems) is not each

    def test_a_proof_that_does_not_compile(self, library: Path) -> None:
        edit(library, "Lemmas.v", "twice 1 = 2. Proof", "twice 1 = 3. Proof")
        report = check.audit(library)
        assert not report.ok
        assert report.problems[0].startswith("Lemmas.v does not compile")

    def test_a_theorem_of_another_type(self, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A local module of the same name: the audit file sees the real one."""
        monkeypatch.setattr(check, "forbidden", lambda _: [])
        shadow = "Module Statements. Definition twice_zero := True. Definition twice_one := True. End Statements.\n"
        edit(library, "Main.v", "Theorem twice_zero", shadow + "Theorem twice_zero")
        edit(library, "Main.v", "exact zero", "exact I")
        edit(library, "Main.v", "exact one", "exact I")
        report = check.audit(library)
        assert any("does not have the type stated" in problem for problem in report.problems)

    def test_a_compilation_without_end(self, library: Path) -> None:
        edit(library, "Lemmas.v", "Lemma one", "Goal True. do 1000000000 (try fail). exact I. Qed.\nLemma one")
        for name in ("Definitions.v", "Statements.v"):  # which end, however busy the machine is
            assert check.compile(library, library, [name]).ok
        build = check.compile(library, library, ["Lemmas.v"], timeout=2.0)
        assert (build.ok, build.failed) == (False, "Lemmas.v")
        assert "no result in 2 s" in build.log


@coq
class TestMutations:
    @pytest.fixture
    def built(self, library: Path) -> Path:
        for name in sources.sources(library):
            assert check.compile(library, library, [name]).ok
        return library

    @pytest.mark.parametrize(
        ("target", "old", "new", "noticed", "detail"),
        [
            ("twice.one", "= 2", "= 3", True, "theorem twice_one breaks"),
            ("twice.one", "twice 1 = 2", "1 + 1 = 2", False, "every proof still compiles"),
            ("twice.one", "= 2", "= true", False, "Statements.v itself does not compile"),
            ("twice", "n + n", "n + n + 1", True, "Lemmas.v breaks"),
            ("twice", "n + n", "n * 2", False, "every proof still compiles"),
            ("twice", "n + n", "n + true", False, "Definitions.v itself does not compile"),
        ],
    )
    def test_outcomes(
        self,
        target: str,
        old: str,
        new: str,
        noticed: bool,
        detail: str,
        built: Path,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        outcome = mutations.run(Mutation(target, old, new), built, tmp_path_factory.mktemp("scratch"))
        assert outcome.noticed is noticed
        assert outcome.detail.startswith(detail)

    def test_another_theorem_does_not_count(self, built: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        edit(built, "Main.v", "exact one", "exact (eq_trans one eq_refl)")
        edit(
            built,
            "Main.v",
            "Theorem twice_zero",
            "Check (eq_refl : Statements.twice_one = (1 + 1 = 2)).\nTheorem twice_zero",
        )
        outcome = mutations.run(Mutation("twice.one", "= 2", "= 3"), built, tmp_path_factory.mktemp("scratch"))
        assert not outcome.noticed

    def test_a_change_must_be_one(self) -> None:
        text = FILES["Statements.v"]
        assert mutations._swap(text, "twice_one", "= 2", "= 3") == text.replace("= 2", "= 3")
        with pytest.raises(ValueError, match="does not contain"):
            mutations._swap(text, "twice_zero", "= 2", "= 3")
        with pytest.raises(ValueError, match="no definition"):
            mutations._swap(text, "twice_two", "= 2", "= 3")


def test_every_mutation_finds_its_text() -> None:
    for mutation in mutations.MUTATIONS:
        file = "Statements.v" if mutation.is_statement else "Definitions.v"
        text = (sources.DIRECTORY / file).read_text()
        changed = mutations._swap(text, mutation.target.replace(".", "_"), mutation.old, mutation.new)
        assert changed != text, mutation
