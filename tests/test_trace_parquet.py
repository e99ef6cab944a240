"""Counts in Parquet: each column, name and size counts, and what is not ours is refused."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from moecusp.trace import RoutingTrace, TraceFileError
from moecusp.trace.parquet import load_counts, save_counts
from tests.refusals import refused_trace
from tests.traces import record


class TestHostileParquet:
    @pytest.fixture
    def table(self, tmp_path):
        path = save_counts(RoutingTrace([record(bias=np.zeros((2, 3)), steps=[3, 4])]), tmp_path / "t.parquet")
        return path, pyarrow.parquet.read_table(path, read_dictionary=["site", "slot"])

    def write(self, path, table, **options):
        pyarrow.parquet.write_table(table, path, **{"compression": "none", **options})

    def test_a_table_written_again_is_read(self, table):
        path, rows = table
        right = load_counts(path)
        self.write(path, rows)
        assert load_counts(path) == right

    @pytest.mark.parametrize("name", ["layer", "batch", "step", "expert", "count", "tokens", "bias"])
    def test_every_column_counts(self, table, name):
        path, rows = table
        values = rows[name].to_pylist()
        first = [] if name == "bias" else [9]  # a first bias of 9 would be true
        for change in ([*first, *values[len(first) : 3], 7, *values[4:]], [None, *values[1:]], [-1] * rows.num_rows):
            place = rows.schema.names.index(name)
            wrong = rows.set_column(place, rows.schema.field(name), pyarrow.array(change, rows.schema.field(name).type))
            self.write(path, wrong)
            refused_trace(path, "in order|tokens times k|counts|tokens|steps|bias|rows", load_counts)

    @pytest.mark.parametrize("name", ["site", "slot"])
    def test_names_count(self, table, name):
        path, rows = table
        wrong = pyarrow.array(["x"] * rows.num_rows).dictionary_encode()
        self.write(path, rows.set_column(rows.schema.names.index(name), rows.schema.field(name), wrong))
        refused_trace(path, "in order", load_counts)

    def test_shape_and_header(self, table):
        path, rows = table
        self.write(path, rows, compression="gzip")
        refused_trace(path, "compressed", load_counts)
        self.write(path, rows.slice(1))
        refused_trace(path, "2 x 9 rows", load_counts)
        self.write(path, rows.drop_columns(["bias"]))
        refused_trace(path, "columns must be", load_counts)
        self.write(path, rows, row_group_size=9)
        refused_trace(path, "one row group", load_counts)
        self.write(path, rows.replace_schema_metadata({}))
        refused_trace(path, "JSON", load_counts)
        header = json.loads(rows.schema.metadata[b"header"])
        for change, reason in (
            ({"batches": 10**12}, "rows"),
            ({"batches": 0}, "batches"),
            ({"steps": False}, "in order"),
            ({"steps": 1}, "in order|steps"),
            ({"bias": None}, "in order"),
            ({"bias": "object"}, "bias"),
            ({"bias": ["f"]}, "bias|Parquet"),
            ({"experts": 10**12}, "experts"),
        ):
            text = json.dumps({**header, "sites": [{**header["sites"][0], **change}]})
            self.write(path, rows.replace_schema_metadata({"header": text}))
            refused_trace(path, reason, load_counts)

    def test_size_and_truncation(self, table):
        path, _ = table
        with pytest.raises(TraceFileError, match="max_rows"):
            load_counts(path, max_rows=17)
        whole = path.read_bytes()
        with pytest.raises(TraceFileError, match="max_bytes"):
            load_counts(path, max_bytes=len(whole) - 1)
        for length in range(0, len(whole), 97):
            path.write_bytes(whole[:length])
            refused_trace(path, "Parquet", load_counts)
