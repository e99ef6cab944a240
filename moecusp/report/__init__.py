"""Reports: intervals, verdicts, provenance, and pages to read (the extra ``report``)."""

from moecusp.report.bootstrap import cluster_bootstrap
from moecusp.report.document import Figure, Plan, Report, Section, Table, schema, write
from moecusp.report.evidence import Evidence, evidence
from moecusp.report.folder import check_folder
from moecusp.report.intervals import Interval, equivalence, exact, holm, student
from moecusp.report.provenance import Provenance, collect
from moecusp.report.shares import clopper_pearson
from moecusp.report.verdict import Finding, Verdict, judge

__all__ = [
    "Evidence",
    "Figure",
    "Finding",
    "Interval",
    "Plan",
    "Provenance",
    "Report",
    "Section",
    "Table",
    "Verdict",
    "check_folder",
    "clopper_pearson",
    "cluster_bootstrap",
    "collect",
    "equivalence",
    "evidence",
    "exact",
    "holm",
    "judge",
    "schema",
    "student",
    "write",
]
