"""What was recorded of a router at work: which expert got which slot, at every site, batch by batch. NumPy only."""

from moecusp.trace.files import TraceFileError
from moecusp.trace.samples import KINDS, Sample
from moecusp.trace.sites import LAYOUTS, ROLES, STACKS, UNROUTED, Site, SiteTrace
from moecusp.trace.sitewise import TraceFile
from moecusp.trace.storage import load, save
from moecusp.trace.stream import TraceStream
from moecusp.trace.traces import RoutingTrace

__all__ = [
    "KINDS",
    "LAYOUTS",
    "ROLES",
    "STACKS",
    "UNROUTED",
    "RoutingTrace",
    "Sample",
    "Site",
    "SiteTrace",
    "TraceFile",
    "TraceFileError",
    "TraceStream",
    "load",
    "save",
]
