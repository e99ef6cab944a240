"""Reports: verdicts, provenance, and pages to read (the extra ``report``)."""

from moecusp.report.document import Figure, Report, Table, check_folder, schema, write
from moecusp.report.provenance import Provenance, collect
from moecusp.report.verdict import Finding, Verdict, judge

__all__ = [
    "Figure",
    "Finding",
    "Provenance",
    "Report",
    "Table",
    "Verdict",
    "check_folder",
    "collect",
    "judge",
    "schema",
    "write",
]
