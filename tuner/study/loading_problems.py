"""What the libraries say of models that they cannot load, in a line. Imports none of them."""

from __future__ import annotations

import re

from tuner.errors import first_line


def loading_problem(error: BaseException) -> str:
    """Return one line on why transformers could not load a model, a tokenizer or a processor."""
    said = str(error)
    if "trust_remote_code" in said:
        return (
            "it brings code of its own, which is not run; once you have read it, name its full commit as revision "
            "and write trust_remote_code: true"
        )
    if "use_safetensors" in said:
        return "there is no model.safetensors; a pickle such as pytorch_model.bin is not loaded, as it can run code"
    if "timm" in said.lower() and ("could not load any image processor" in said.lower() or "requires" in said):
        return "it is a model of timm, which is not installed; install 'shichimi[timm]'"
    if missing := re.search(r"requires the (\S+) library", said):
        return f"it needs the package {missing[1]}, which is not installed"
    return first_line(error)
