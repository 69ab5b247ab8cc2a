"""Tiny checkpoints and savers that several tiers of tests train with. Importing it imports no torch."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.trial.evaluation import Evaluation
from tuner.trial.saver import TrialStopped, Write

if TYPE_CHECKING:
    import transformers

GOOD = ("good", "great")
BAD = ("bad", "awful")
PLAIN = ("a", "the", "film", "plot", "actor", "is", "was", "very", "and", "with", "music", "story")


def wordpiece(*, model_max_length: int = 32, **more: Any) -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer of the words above, a token each; anything else goes to `transformers`."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *PLAIN, "##s"]
    backend = Tokenizer(models.WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=model_max_length,
        **more,
    )


class FolderSaver:
    """Saves into a folder, after the steps that it is told; the attempts of one trial share the folder.

    Args:
        folder: Takes `step-00003` for what is saved after step 3, and `best`.
        at: Steps after which to save.
        leave: Leave with the first of them.
        looks: Leave, too, from the look at `leaving` on that comes after this many.
    """

    def __init__(
        self, folder: Path, *, at: Collection[int] = (), leave: bool = False, looks: int | None = None
    ) -> None:
        self.folder = folder
        self.at = set(at)
        self.leave = leave
        self.looks = looks
        #: How often training asked, and the evaluations whose weights it handed over.
        self.asked = 0
        self.kept: list[Evaluation] = []
        self._write_best: Write | None = None

    @property
    def leaving(self) -> bool:
        """Whether the trial is about to be moved."""
        if self.looks is None:
            return False
        self.looks -= 1
        return self.looks < 0

    def wanted(self) -> bool:
        """Return whether there is a step left to save after."""
        self.asked += 1
        return bool(self.at) or (self.looks is not None and self.looks < 0)

    def save(self, step: int, write: Write) -> None:
        """Save, if this is one of the steps."""
        moved = self.looks is not None and self.looks < 0
        if step not in self.at and not moved:
            return
        write(self.made(self.step(step)))
        self.write_best()
        if moved or self.leave:
            raise TrialStopped("left")

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Hold the best weights."""
        self.kept.append(evaluation)
        self._write_best = write

    def write_best(self) -> None:
        """Write the best weights, unless they are written: at a save, and at the end of a trial."""
        if self._write_best is not None:
            self._write_best(self.made(self.best))
            self._write_best = None

    def step(self, step: int) -> Path:
        """Return where a step is saved."""
        return self.folder / f"step-{step:05d}"

    @property
    def best(self) -> Path:
        """Where the best weights are."""
        return self.folder / "best"

    @staticmethod
    def made(folder: Path) -> Path:
        """Return a folder that is there."""
        folder.mkdir(parents=True, exist_ok=True)
        return folder
