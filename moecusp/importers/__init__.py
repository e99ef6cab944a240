"""Traces from what others recorded: JSONL, CSV of loads, training logs, arrays of inference servers.

Files are untrusted: read line by line or in parts, with bounds, and nothing in them is executed.
"""

from moecusp.importers.jsonl import read_jsonl, write_jsonl
from moecusp.importers.loads import read_csv
from moecusp.importers.megatron import read_megatron_log
from moecusp.importers.servers import decoded_routed_experts, from_routed_experts, read_routed_experts

__all__ = [
    "decoded_routed_experts",
    "from_routed_experts",
    "read_csv",
    "read_jsonl",
    "read_megatron_log",
    "read_routed_experts",
    "write_jsonl",
]
