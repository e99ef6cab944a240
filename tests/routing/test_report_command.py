"""From a folder with a trained model to the page of its diagnosis, by three commands, against the truth."""

import json

import numpy as np
import pytest

pytest.importorskip("transformers")

from moecusp.diagnosis import Standing
from moecusp.trace import load

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


class TestThreeCommands:
    def test_from_a_folder_to_the_page(self, made, run, monkeypatch):
        """`doctor`, `trace`, `report`: every number of the page is that of the recorded choices and logits."""
        folder = made[0]
        monkeypatch.chdir(folder)
        run("doctor", "model")
        trace = ["--text", "text.txt", "-o", "r.safetensors", "--length", 16, "--batch", 2, "--logits", 10**6]
        assert run("trace", "model", *trace)[0] == 0
        status, out, err = run("report", "r.safetensors", "--json", "--markdown", "--noise", 0.02)
        assert err == ""
        assert out.splitlines()[1:] == ["r.html", "r.md", "r.json"]
        content = json.loads((folder / "r.json").read_text(encoding="utf-8"))
        assert status == content["status"]
        assert content["headline"] == out.splitlines()[0]
        recorded = load("r.safetensors")
        assert [each["name"] for each in content["layers"]] == [record.site.name for record in recorded]
        for layer, record in zip(content["layers"], recorded, strict=True):
            counts = record.counts.sum(axis=0)
            assert layer["loads"]["relative"] == pytest.approx((counts * counts.size / counts.sum()).tolist())
            assert layer["rule"] == "logits"
            assert layer["standing"] != Standing.UNKNOWN.value
            assert record.sample is not None
            scores = np.sort(record.sample.scores.astype(float), axis=1)
            margins = scores[:, -record.site.k] - scores[:, -record.site.k - 1]
            for mass in layer["masses"]:
                assert mass["value"] == pytest.approx(float((margins <= mass["width"]).mean()))
            flips = {each["change"]: each["counted"]["value"] for each in layer["flips"]}
            assert flips["float16"] <= flips["bfloat16"] <= flips["float8 e4m3"] <= flips["float8 e5m2"]
            assert layer["quantities"]["critical_feedback"]["value"] > 0
        page = (folder / "r.html").read_text(encoding="utf-8")
        assert all(record.site.name in page for record in recorded)

    def test_a_router_made_to_collapse_is_called(self, made, run, monkeypatch, tmp_path):
        """The weights of all but k experts' rows are made to lose: the same model, trained as before, has collapsed."""
        import torch

        folder, model, tokenizer = made
        monkeypatch.chdir(tmp_path)
        routers = [m for name, m in model.named_modules() if name.endswith(("mlp.gate", "block_sparse_moe.gate"))]
        assert routers
        before = [router.weight.detach().clone() for router in routers]
        try:
            with torch.no_grad():
                for router in routers:
                    router.weight[2:] = -(router.weight[0] + router.weight[1])[None]
                    router.weight[:2] *= 20.0
                    router.weight[2:] *= 20.0
            model.save_pretrained("model")
            tokenizer.save_pretrained("model")
        finally:
            with torch.no_grad():
                for router, weight in zip(routers, before, strict=True):
                    router.weight.copy_(weight)
        trace = ["--text", folder / "text.txt", "-o", "c.npz", "--length", 16, "--batch", 2]
        assert run("trace", "model", *trace)[0] == 0
        status, _, _ = run("report", "c.npz", "--json")
        content = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
        assert status == 1
        assert content["standing"] in (Standing.COLLAPSED.value, Standing.NEAR.value)
