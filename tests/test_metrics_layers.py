"""What metrics say of whole layers: collapse, the worst layer, summaries and the command."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp.__main__ import main
from moecusp.metrics import FAIR_SLOTS, Spread, batch_sums, layer_metrics, pooled, summary, table
from moecusp.trace import RoutingTrace, Site, save
from moecusp.trace.parquet import save_counts
from moecusp.trace.stream import append, create
from tests.examples import examples
from tests.routed import counted, routed, softmax


class TestLayers:
    def collapsed(self, k=1):
        """Eight layers, each of which sends every token to experts of its own."""
        random = np.random.default_rng(0)
        logits = 0.01 * random.normal(size=(8, 200, 8))
        for layer in range(8):
            for slot in range(k):
                logits[layer, :, (layer + slot) % 8] += 30.0 - slot
        return RoutingTrace([routed(logits[i], k, f"layers.{i}", i) for i in range(8)])

    def test_layers_cancel_in_the_pooled_loss_and_are_called_collapsed_all_the_same(self):
        trace = self.collapsed()
        together = pooled(trace)
        assert together.balance_loss == pytest.approx(1.0, rel=1e-9)
        assert together.worst == pytest.approx(8.0, rel=1e-9)
        assert [layer_metrics(record).spread for record in trace] == [Spread.COLLAPSED] * 8
        assert all(layer_metrics(record).values["balance_loss"] > 7.99 for record in trace)

    def test_the_other_normalisation_is_k_when_balanced(self):
        together = pooled(self.collapsed(k=2))
        assert together.balance_loss == pytest.approx(1.0, rel=1e-9)
        assert together.balance_loss_hf == pytest.approx(2.0, rel=1e-9)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 3))
    @examples(30)
    def test_the_published_formula_of_transformers(self, seed, k):
        """load_balancing_loss_func: one-hot of the top k of the softmax, means over tokens of all layers."""
        random = np.random.default_rng(seed)
        layers, tokens, experts = 3, 40, 5
        logits = 2 * random.normal(size=(layers, tokens, experts))
        mask = random.uniform(size=tokens) < 0.7
        mask[0] = True
        p = softmax(logits.reshape(-1, experts))
        top = np.argsort(-p, axis=1)[:, :k]
        one_hot = np.eye(experts)[top]  # tokens, k, experts
        valid = np.tile(mask, layers)
        tokens_per_expert = one_hot[valid].mean(axis=0)
        probability_per_expert = p[valid].mean(axis=0)
        theirs = experts * (tokens_per_expert * probability_per_expert[None]).sum()
        trace = RoutingTrace([routed(logits[i], k, f"layers.{i}", i, mask) for i in range(layers)])
        assert pooled(trace).balance_loss_hf == pytest.approx(theirs, rel=1e-12)

    def test_the_worst_layer_is_named(self):
        random = np.random.default_rng(1)
        logits = random.normal(size=(3, 400, 4))
        logits[1, :, 2] += 2.0
        trace = RoutingTrace([routed(logits[i], 1, f"layers.{i}", i) for i in range(3)])
        together = pooled(trace)
        assert together.worst_layer == "layers.1"
        assert together.worst == layer_metrics(trace["layers.1"]).values["balance_loss"]

    @pytest.mark.parametrize(("k", "dead"), [(1, 4), (2, 4), (6, 2), (7, 1)])
    def test_half_of_the_experts_or_all_that_can_be(self, k, dead):
        counts = np.full(8, 1000)
        counts[: dead - 1] = 0
        assert layer_metrics(counted([counts], k)).spread is Spread.SPREAD
        counts[:dead] = 0
        assert layer_metrics(counted([counts], k)).spread is Spread.COLLAPSED

    def test_what_cannot_collapse_has_not(self):
        assert layer_metrics(counted([[1000]])).spread is Spread.SPREAD
        assert layer_metrics(counted([[1000, 1000]], k=2)).spread is Spread.SPREAD

    def test_few_tokens_say_nothing(self):
        assert layer_metrics(counted([[2 * FAIR_SLOTS - 1, 0]])).spread is Spread.UNKNOWN
        assert layer_metrics(counted([[2 * FAIR_SLOTS, 0]])).spread is Spread.COLLAPSED

    def test_false_alarms_of_a_balanced_router(self):
        """Two experts are the worst case: every outcome of n independent tokens, called as the code calls it."""
        worst = 0.0
        for n in range(2 * FAIR_SLOTS, 65):
            called = [c for c in range(n // 8) if layer_metrics(counted([[c, n - c]])).spread is Spread.COLLAPSED]
            assert called == list(range(len(called)))  # so that no larger c is called
            worst = max(worst, 2 * sum(math.comb(n, c) for c in called) / 2**n)
        assert 1e-5 < worst < 3e-5

    def test_refuses(self):
        trace = self.collapsed()
        for bad in (trace.without_samples(), trace.records[0], RoutingTrace([trace.records[0], counted([[1, 2]])])):
            with pytest.raises(mc.ParameterError):
                pooled(bad)
        for call in (layer_metrics, batch_sums):
            with pytest.raises(mc.ParameterError, match="record"):
                call(trace)
        with pytest.raises(mc.ParameterError, match="streak"):
            layer_metrics(trace.records[0], streak=0)


class TestSummary:
    def trace(self):
        random = np.random.default_rng(3)
        full = routed(random.normal(size=(300, 4)), 2, "decoder.layers.10.mlp", 10)
        bare = counted([[0, 0, 0]])
        return RoutingTrace([full, bare], notes=["the router disagrees"])

    def test_json_is_what_the_layers_say(self):
        content = json.loads(json.dumps(summary(self.trace()), allow_nan=False))
        assert [site["name"] for site in content["sites"]] == ["mlp", "decoder.layers.10.mlp"]
        bare, full = content["sites"]
        assert (bare["values"]["max_vio"], bare["load_share"]) == (None, [None] * 3)
        found = layer_metrics(self.trace().records[1])
        assert (full["values"], full["batchwise"]) == (dict(found.values), dict(found.batchwise))
        assert (full["tokens"], full["k"], full["spread"]) == (300, 2, "spread")
        assert content["pooled"] is None  # sizes differ
        assert content["notes"] == ["the router disagrees"]
        alone = RoutingTrace([self.trace().records[1]])
        assert summary(alone)["pooled"]["balance_loss"] == full["values"]["balance_loss"]

    def test_every_number_of_the_table(self):
        heading, bare, full, note = table(self.trace()).splitlines()
        found = layer_metrics(self.trace().records[1])
        names = ("max_vio", "min_vio", "effective_experts", "dead_relative", "drop_rate", "balance_loss")
        v = {name: f"{found.values[name]:.4g}" for name in names}
        batch = f"{found.batchwise['max_vio']:.4g}"
        assert full.split() == [
            *("decoder.layers.10.mlp", "4", "2", "300", v["max_vio"], batch, v["min_vio"], v["effective_experts"]),
            *(v["dead_relative"], v["drop_rate"], v["balance_loss"], "spread"),
        ]
        assert bare.split() == ["mlp", "3", "1", "0", *"-" * 7, "too", "few", "tokens"]
        assert note == "note: the router disagrees"
        assert [heading.index(word) + len(word) for word in ("tokens", "balance loss")] == [
            full.index(" 300 ") + 4,
            full.index(f" {v['balance_loss']}  spread") + 1 + len(v["balance_loss"]),
        ]
        long = RoutingTrace([replace(self.trace().records[1], site=Site("x" * 300 + "end", 0, 4, 2))])
        assert table(long).splitlines()[1].startswith("..." + "x" * 34 + "end ")
        for call in (table, summary):
            with pytest.raises(mc.ParameterError, match="trace"):
                call(found.record)  # type: ignore[arg-type]

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet"])
    def test_the_command_prints_them(self, suffix, tmp_path, capsys, monkeypatch):
        trace = self.trace()
        path = str(tmp_path / f"t{suffix}")
        (save_counts if suffix == ".parquet" else save)(trace, path)
        kept = trace.without_samples() if suffix == ".parquet" else trace
        for arguments, expected in (([path], table(kept)), ([path, "--json"], json.dumps(summary(kept), indent=1))):
            monkeypatch.setattr("sys.argv", ["moecusp", "load", *arguments])
            assert (main(), *capsys.readouterr()) == (0, expected + "\n", "")

    def test_the_command_reads_the_folder_of_a_stream(self, tmp_path, capsys, monkeypatch):
        folder, parts = create(tmp_path / "run"), [self.trace(), self.trace()]
        for number, part in enumerate(parts):
            append(folder, number, part)
        monkeypatch.setattr("sys.argv", ["moecusp", "load", str(folder)])
        whole = RoutingTrace.concatenate(part.without_samples() for part in parts)
        assert (main(), *capsys.readouterr()) == (0, table(whole) + "\n", "")

    def test_the_command_refuses_another_kind_of_file(self, capsys, monkeypatch):
        monkeypatch.setattr("sys.argv", ["moecusp", "load", "t.txt"])
        endings = "must end in .npz, .safetensors or .parquet, or be the folder of a stream"
        assert (main(), *capsys.readouterr()) == (2, "", f"error: t.txt: {endings}\n")

    def test_the_command_refuses_in_one_line(self, tmp_path, capsys, monkeypatch):
        path = tmp_path / "t.npz"
        path.write_bytes(b"PK")
        monkeypatch.setattr("sys.argv", ["moecusp", "load", str(path)])
        assert main() == 2
        out, err = capsys.readouterr()
        assert (out, err) == ("", f"error: {path}: not a whole .npz file: it does not end as one\n")

    def test_the_command_names_a_missing_extra(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setattr("sys.argv", ["moecusp", "load", "t.parquet"])
        assert main() == 1
        assert capsys.readouterr().err == "error: Parquet needs the extra 'trace': pip install 'moecusp[trace]'\n"
