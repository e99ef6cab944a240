"""Pictures as text."""

import re

from tests.report.sample import picture


def test_the_same_to_the_byte():
    assert picture("twice") == picture("twice")


def test_ids_of_two_pictures_do_not_clash():
    first, second = (set(re.findall(r'\bid="([^"]+)"', picture(label))) for label in ("one", "two"))
    assert first
    assert not first & second
