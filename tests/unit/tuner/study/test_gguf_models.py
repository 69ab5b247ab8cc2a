from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import ModelError
from tuner.study import gguf_models
from tuner.study.sources import find_model


def test_a_file_that_is_no_gguf_file_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF and nothing else")
    with pytest.raises(ModelError, match=r"model\.gguf cannot be read as a GGUF model: ") as refused:
        find_model(str(broken), None)
    assert "\n" not in str(refused.value)
    with pytest.raises(ModelError, match=r"gone\.gguf: no such file"):
        find_model(str(tmp_path / "gone.gguf"), None)


def test_without_the_package_that_reads_them_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(gguf_models.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"the package gguf is not installed; install 'shichimi\[llm\]'"):
        find_model(str(tmp_path / "model.gguf"), None)
