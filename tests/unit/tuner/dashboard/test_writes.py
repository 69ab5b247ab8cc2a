"""What a request to write may bring."""

from __future__ import annotations

import pytest

from tuner.dashboard.writes import parse


def test_an_object_of_json_is_read() -> None:
    assert parse(b'{"values": [1, -2.5e3], "state": "COMPLETE"}') == {"values": [1, -2500.0], "state": "COMPLETE"}
    assert parse(b"") == {}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1" + 400 * "0", 5000 * "9"])
def test_what_is_no_finite_number_is_no_number(number: str) -> None:
    with pytest.raises(ValueError, match="is no finite number"):
        parse(f'{{"values": [{number}]}}'.encode())
