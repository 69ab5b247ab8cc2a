from __future__ import annotations

from tuner.dashboard.controls import hiding_style


def test_controls_that_are_refused_are_hidden_and_others_are_not() -> None:
    reading = hiding_style(writes=False, files=False, ours=[1])
    writing = hiding_style(writes=True, files=True, ours=[1, 4])
    assert all(icon in reading for icon in ("AddBoxIcon", "EditIcon", "rename study", "delete study", "UploadFile"))
    assert "AddBoxIcon" in writing
    assert "EditIcon" not in writing
    assert "UploadFile" not in writing
    assert [f'"/dashboard/studies/{study}"' in writing for study in (1, 2, 4)] == [True, False, True]
    assert "UploadFile" in hiding_style(writes=True, files=False, ours=[])
