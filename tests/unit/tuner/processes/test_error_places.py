from __future__ import annotations

import importlib.util
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from search_spaces import SearchSpaceError, parse_yaml
from tuner.processes.error_places import place_of

CODE = """\
import json

def read():
    return json.loads("{")

def outer():
    read()
"""


def module_of(code: str, file: Path) -> ModuleType:
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_place_is_the_last_line_of_the_users_code_and_none_of_a_library(tmp_path: Path) -> None:
    module = module_of(CODE, tmp_path / "boom.py")
    with pytest.raises(ValueError, match="Expecting") as caught:
        module.outer()
    assert place_of("".join(traceback.format_exception(caught.value))) == "boom.py:4"


def test_code_of_this_project_and_of_installed_packages_is_no_place() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        parse_yaml("{", "s.yaml")
    place = place_of("".join(traceback.format_exception(caught.value)))
    assert place is not None
    assert place.startswith(f"{Path(__file__).name}:")
    packaged = 'Traceback:\n  File "/x/lib/python3/site-packages/torch/nn.py", line 3, in call\n'
    assert place_of(packaged) is None
    assert place_of('  File "<frozen importlib._bootstrap>", line 3, in call\n') is None
    assert place_of("") is None


def test_a_file_that_is_no_python_is_named_by_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError) as caught:
        module_of("import json\nthis is nothing at all\n", tmp_path / "torn.py")
    assert place_of("".join(traceback.format_exception(caught.value))) == "torn.py:2"
