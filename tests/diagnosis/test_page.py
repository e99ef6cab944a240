"""The page and its twins: fit for keyboards and screen readers, self-contained, and saying what was found."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import jsonschema
import numpy as np
import pytest

from moecusp.diagnosis import DEFINITIONS, Aim, as_json, compare, comparison_html, diagnose, html, markdown, schema
from moecusp.report.provenance import collect
from moecusp.trace import RoutingTrace
from tests.diagnosis.planted import counted, site_trace, trace

EVEN = np.full(8, 1 / 8)
GONE = np.array([0.5, 0.497, *[0.0005] * 6])
PROVENANCE = collect("moecusp report planted", 0, datetime.now(UTC))
LOGITS = np.random.default_rng(5).standard_normal((2000, 4), dtype=np.float32)
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and whether all are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements: list[tuple[str, dict, tuple]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, *tags):
        return [attributes for tag, attributes, _ in self.elements if tag in tags]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def models():
    bad = trace(
        site_trace(experts=6, k=2, batches=40, size=200),
        site_trace(experts=6, k=2, batches=40, size=200, offsets=[0, 0, 0, 0, 0, -6]),
        counted(GONE), counted(EVEN, batches=3),
    )  # fmt: skip
    return {
        "bad": diagnose(bad),
        "calm": diagnose(trace(counted(EVEN))),
        "placed": diagnose(bad, feedback=4.0, decay=1.0),
        "hostile": diagnose(
            RoutingTrace(trace(counted(EVEN)).records, {"model": "<script>alert(1)</script>"}, ["a|b & <i>"])
        ),
    }


MODELS = models()


@pytest.fixture(name="page", params=[*MODELS, "compare"])
def _page(request):
    if request.param == "compare":
        return Page(comparison_html(compare(MODELS["bad"], MODELS["placed"]), PROVENANCE))
    return Page(html(MODELS[request.param], PROVENANCE))


class TestAccessible:
    def test_landmarks(self, page):
        for landmark in ("header", "main", "footer"):
            assert len(page.all(landmark)) == 1
        assert all(each.get("aria-label") for each in page.all("nav"))
        assert page.all("html")[0]["lang"] == "en"
        assert page.all("meta")[1]["content"] == "width=device-width, initial-scale=1"

    def test_the_first_thing_to_reach_skips_to_the_diagnosis(self, page):
        first = page.all("a")[0]
        assert (first["class"], first["href"]) == ("skip", "#main")

    def test_headings_skip_no_level(self, page):
        levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))

    def test_tables_say_what_their_headers_head(self, page):
        assert all(each.get("scope") in ("row", "col") for each in page.all("th"))
        assert len(page.all("caption")) == len(page.all("table")) > 0

    def test_pictures_have_a_title_and_a_description(self, page):
        ids = {each["id"] for each in page.all("title", "desc") if "id" in each}
        for picture in page.all("svg"):
            assert picture["role"] == "img"
            assert set(picture["aria-labelledby"].split()) <= ids

    def test_what_scrolls_can_be_reached_and_is_named(self, page):
        scrolling = [each for each in page.all("div") if each.get("class") == "scroll"]
        assert scrolling
        assert all((each["tabindex"], each["role"]) == ("0", "region") and each["aria-label"] for each in scrolling)

    def test_every_link_leads_somewhere_and_no_id_is_there_twice(self, page):
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        assert len(set(ids)) == len(ids)
        assert all(each["href"].startswith("#") and each["href"][1:] in ids for each in page.all("a"))

    def test_nothing_is_loaded(self, page):
        assert page.all("script", "link", "img", "iframe", "object") == []
        assert all("src" not in attributes for _, attributes, _ in page.elements)

    def test_both_colour_schemes(self):
        text = html(MODELS["calm"], PROVENANCE)
        assert text.count("prefers-color-scheme: dark") == 2
        assert '<meta name="color-scheme" content="light dark">' in text
        light, dark = (
            set(re.findall(r"(--\w+):", part)) for part in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[2:4]
        )
        assert light == dark


class TestSays:
    def test_the_headline_is_title_and_heading(self):
        for found in MODELS.values():
            page = Page(html(found, PROVENANCE))
            assert page.text.startswith(found.headline)
            assert page.text.count(found.headline) == 2

    def test_a_calm_model_gets_a_calm_page(self):
        text = Page(html(MODELS["calm"], PROVENANCE)).text
        assert "What stands out" not in text
        assert "✓ calm" in text

    def test_each_layer_and_why(self):
        text = Page(html(MODELS["bad"], PROVENANCE)).text
        for layer in MODELS["bad"].layers:
            assert layer.name in text
            assert all(" ".join(each.split()) in text for each in layer.because)
        assert "Dead for certain: 1 of 6 experts (5)." in text
        assert "3 batches; 10 are the fewest" in text

    def test_the_most_exposed_layer_bears_the_least(self):
        steep = (site_trace(experts=4, batches=20, size=100, logits=scale * LOGITS) for scale in (3, 1, 2))
        found = diagnose(trace(*steep))
        bears = [layer.coupling.critical.number for layer in found.layers]
        assert min(bears) == bears[1]
        words = (
            "The most exposed layer is L1 : its present spread of tokens loses stability at a feedback per unit decay"
        )
        assert f"{words} of {bears[1]:.3g}" in Page(html(found, PROVENANCE)).text

    def test_numbers_lead_to_their_definitions(self):
        page = Page(html(MODELS["bad"], PROVENANCE))
        linked = {each["href"].removeprefix("#def-") for each in page.all("a") if each["href"].startswith("#def-")}
        assert linked >= set(DEFINITIONS) - {"relative_load"}

    def test_only_a_feedback_places_a_layer(self):
        without, placed = (html(MODELS[name], PROVENANCE) for name in ("bad", "placed"))
        assert "κ/μ as given" not in without
        assert "No feedback was given, so no layer is placed on it." in without
        assert "κ/μ as given" in placed
        assert "no layer is placed" not in placed

    def test_what_a_snapshot_cannot_know_is_said(self):
        text = Page(html(MODELS["bad"], PROVENANCE)).text
        assert all(" ".join(each.split()) in text for each in MODELS["bad"].unknowable)

    def test_advice_with_an_aim(self):
        text = Page(html(MODELS["bad"], PROVENANCE, Aim(violation=0.1))).text
        assert "independent tokens has a largest violation of 0.1 by sampling alone" in text

    def test_names_of_others_stay_text(self):
        page = Page(html(MODELS["hostile"], PROVENANCE))
        assert "<script>alert(1)</script>" in page.text
        text = markdown(MODELS["hostile"], PROVENANCE)
        assert "&lt;script&gt;" in text
        assert "a\\|b &amp; &lt;i&gt;" in text


class TestMarkdown:
    @pytest.mark.parametrize("name", MODELS)
    def test_tables_are_whole(self, name):
        from markdown_it import MarkdownIt

        found = MODELS[name]
        text = markdown(found, PROVENANCE)
        assert text.startswith(f"# {found.headline}\n")
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        assert sum(token.type == "table_open" for token in tokens) == 3
        assert sum(token.type == "tr_open" for token in tokens) == 3 * (1 + len(found.layers))
        for layer in found.layers:
            assert layer.name.replace("_", "\\_") in text


class TestJson:
    @pytest.mark.parametrize("name", MODELS)
    def test_fits_its_schema(self, name):
        content = json.loads(json.dumps(as_json(MODELS[name], PROVENANCE), allow_nan=False))
        jsonschema.Draft202012Validator.check_schema(schema())
        jsonschema.validate(content, schema())
        assert content["status"] == MODELS[name].status
        assert [each["standing"] for each in content["layers"]] == [e.standing.value for e in MODELS[name].layers]

    def test_schema_is_closed(self):
        """Whatever is added to the content must be described."""
        content = as_json(MODELS["bad"], PROVENANCE)
        for place in (content, content["layers"][0], content["layers"][0]["quantities"]["gain"]):
            place["more"] = 1
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(content, schema())
            del place["more"]

    def test_numbers_are_those_of_the_diagnosis(self):
        layer, content = MODELS["placed"].layers[0], as_json(MODELS["placed"], PROVENANCE)["layers"][0]
        assert content["quantities"]["critical_feedback"]["value"] == layer.coupling.critical.value
        assert content["quantities"]["gain"]["high"] == layer.gain.high
        assert content["loads"]["relative"] == layer.loads.relative.tolist()
        assert content["flips"][0]["counted"]["value"] == layer.switching.flips[0].counted.value
