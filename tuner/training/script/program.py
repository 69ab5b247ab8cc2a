"""The main function of a script: reading, building and the training loop, with the lines that its trial needs."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

#: How a metric is computed from the logits and the labels of a split; that of the loss is the loss itself.
METRICS = {
    "accuracy": "accuracy(found.numpy(), targets.numpy())",
    "f1_macro": '_f1(found.numpy(), targets.numpy(), average="macro")',
    "f1_weighted": '_f1(found.numpy(), targets.numpy(), average="weighted")',
    "matthews": "_matthews(found.numpy(), targets.numpy())",
    "roc_auc": "_roc_auc(found.numpy(), targets.numpy())",
    "loss": "loss",
}
#: The beginning of every script's loading of examples: rows of each split, by the way in which they are read.
ROWS_BY = {
    "table": """\
        records = [record for path in DATA for record in {reader}(path, **FORMAT)]
        splits = {{
            name: take_rows(records, row_numbers(numbers), texts=TEXTS, label=LABEL, classes=CLASSES)
            for name, numbers in ROWS.items()
        }}
        """,
    "pictures": """\
        splits = {{name: take_pictures(DATA, written) for name, written in ROWS.items()}}
        """,
    "rows": """\
        splits = read_rows(Path(__file__).with_name({rows!r}))
        """,
}
#: An evaluation pads texts to widths of which no example's numbers depend on the others of its batch.
_WIDTH_OF = ["", "def width_of(part: Any) -> int:", "    return rounding.width(validation.lengths[part])"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Which lines a script has."""

    #: How the rows are read: table, pictures or rows; and the function that reads a file of a table.
    rows: str
    reader: str = ""
    #: Name of the parquet file with the rows, and of the file with a fitted head; empty for none.
    rows_file: str = ""
    head_file: str = ""
    #: Whether inputs are texts; else they are pictures.
    is_text: bool
    #: Whether a text without a token is given one.
    fills_empty: bool = False
    metric: str
    #: Name of the function that computes the last layer for one token; empty where all of it is computed.
    one_token: str = ""
    #: Whether some layers are frozen at some time, whether their output is computed once, and whether a module drops
    #: out both in and above them.
    is_frozen: bool
    has_states: bool
    straddles: bool

    def examples(self) -> str:
        """Return the function that loads the examples."""
        rows = textwrap.dedent(ROWS_BY[self.rows]).format(reader=self.reader, rows=self.rows_file).rstrip()
        if self.is_text:
            made = """\
            tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL, **MODEL_ARGUMENTS)
            examples = []
            for name in ("train", "validation"):
                columns = tokenise(tokenizer, [texts for texts, _ in splits[name]], MAX_LENGTH)
            FILL
                examples.append(Texts(columns, [label for _, label in splits[name]], PADDING, left=PAD_LEFT))
            return examples
            """
        else:
            made = """\
            # The processor that works on arrays: the other one needs torchvision.
            processor = transformers.AutoImageProcessor.from_pretrained(MODEL, backend="pil", **MODEL_ARGUMENTS)
            return [
                Pictures([each for each, _ in splits[name]], [label for _, label in splits[name]], processor, TOKENS)
                for name in ("train", "validation")
            ]
            """
        made = textwrap.dedent(made).rstrip()
        made = made.replace("FILL\n", "    fill_empty(columns, EMPTY)\n" if self.fills_empty else "")
        about = '"""Read and encode the examples of training and of validation."""'
        body = "\n".join([about, rows, "check_rows(splits, ROWS_SHA256)", "", made])
        return f"def load_examples() -> Any:\n{textwrap.indent(body, '    ')}"

    def main(self) -> str:
        """Return the main function."""
        parts = [*self._set_up(), *self._train()]
        body = "\n".join(line for part in parts for line in part.split("\n"))
        return f'def main() -> None:\n{textwrap.indent(body, "    ")}\n\n\nif __name__ == "__main__":\n    main()'

    def _set_up(self) -> list[str]:
        forward = (
            "return frozen.logits(examples, numbers, width)"
            if self.has_states
            else "return model(**examples.inputs(numbers, width)).logits"
        )
        lines = [
            '"""Train as the trial did, and print its evaluations."""',
            "transformers.logging.set_verbosity_error()",
            "torch.set_num_threads(THREADS)",
            "train, validation = load_examples()",
            "",
            "random.seed(SEED)",
            "np.random.seed(SEED)",
            "model = build_model(",
            f"    transformers.AutoModelFor{'Sequence' if self.is_text else 'Image'}Classification,",
            "    MODEL,",
            "    MODEL_ARGUMENTS,",
            "    seed=SEED,",
            "    settings=SETTINGS,",
            "    dropout=DROPOUT,",
            "    places=PLACES,",
            ")",
        ]
        if self.head_file:
            lines += [
                "from safetensors.torch import load_file",
                "",
                "# The head that the study fitted on the pretrained layers before its trials began.",
                f"model.load_state_dict(load_file(Path(__file__).with_name({self.head_file!r})), strict=False)",
            ]
        lines += [
            "groups = parameter_groups(model, LEARNING_RATES, WEIGHT_DECAY)",
            "trained = [parameter for group in groups for parameter in group['params']]".replace("'", '"'),
            "# The rate of the optimiser itself is read by schedules that end above 0.",
            "optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, fused=True)",
            "schedule = make_schedule(",
            "    optimizer, SCHEDULE, warmup=WARMUP_STEPS, total=OPTIMISER_STEPS, arguments=SCHEDULE_ARGUMENTS",
            ")",
        ]
        if self.one_token:
            lines += [
                "# The head reads the first token alone, so the last layer is computed, and drops out, for it alone.",
                "last = model.get_submodule(LAYERS[-1])",
                f"last.forward = functools.partial({self.one_token}, last)",
            ]
        if self.is_frozen:
            lines.append(
                "trainable = frozenset(name for name, parameter in model.named_parameters() if parameter.requires_grad)"
            )
        if self.straddles:
            lines.append("straddling = Straddling(model, STRADDLING, LAYERS)")
        if self.has_states:
            lines += [
                "rounding = Rounding(multiple=ROUNDED_TO, longest=POSITIONS)",
                "frozen = FrozenLayers(model, LAYERS, rounding=rounding, reads_first=READS_FIRST, tokens=STATES)",
                *(_WIDTH_OF if self.is_text else []),
            ]
        return [
            *lines,
            "",
            f"def logits_of(examples: Any, numbers: Any, width: int | None = None) -> torch.Tensor:\n    {forward}",
        ]

    def _train(self) -> list[str]:
        widths = "train.lengths"
        if self.has_states:
            widths = "np.ones_like(train.lengths) if READS_FIRST and frozen.depth == len(LAYERS) else train.lengths"
        lines = [
            "",
            "order = training_batches(len(train.labels), BATCH_SIZE, SEED)",
            "losses, examples, largest = 0.0, 0, 0.0",
            *([] if self.is_frozen else ["model.train()"]),
            "for step in range(1, max(RECORDED) + 1):",
        ]
        if self.is_frozen:
            lines += [
                "    if step - 1 in FROZEN:",
                "        depth, modules = FROZEN[step - 1]",
                *(["        frozen.depth = depth"] if self.has_states else []),
                *(["        straddling.depth, straddling.frozen = depth, modules"] if self.straddles else []),
                "        freeze(model, modules, trainable)",
            ]
        lines += [
            "    # ---- one optimiser step, in parts of the batch that are of alike length",
            "    batch = next(order)",
            f"    widths = {widths}",
            "    loss = 0.0",
            "    for part in micro_batches(batch, widths, MICRO_BATCH, device=DEVICE, grouped=GROUPED):",
            "        summed = cross_entropy(logits_of(train, part), train.labels[part], reduction='sum')".replace(
                "'", '"'
            ),
            "        share = summed / len(batch)",
            "        share.backward()",
            "        loss += share.item()",
            "    torch.nn.utils.clip_grad_norm_(trained, MAX_GRAD_NORM)",
            "    optimizer.step()",
            "    schedule.step()",
            "    optimizer.zero_grad()",
            "    losses += loss * len(batch)",
            "    examples += len(batch)",
            "    if step not in RECORDED:",
            "        continue",
            "",
            "    # ---- an evaluation",
            "    model.eval()",
            "    parts = list(evaluation_parts(validation.lengths))",
            "    with torch.no_grad():",
            f"        found = torch.cat([logits_of(validation, part{self._width}) for part in parts])",
            "    targets = validation.labels[np.concatenate(parts)]",
            "    loss = cross_entropy(found, targets).item()",
            f"    value = {METRICS[self.metric]}",
            "    percent, *recorded = RECORDED[step]",
            "    now = [losses / examples, loss, value]",
            "    apart = [abs(one - other) for one, other in zip(now, recorded, strict=True) if other is not None]",
            "    largest = max([largest, *apart])",
            '    named = {"step": percent, "optimiser_steps": step, "train_loss": now[0], "validation_loss": loss}',
            "    print(json.dumps({**named, METRIC: value}), flush=True)",
            "    losses, examples = 0.0, 0",
            "    freeze(model, modules, trainable)" if self.is_frozen else "    model.train()",
            'print(f"The largest difference from what was recorded is {largest:.1e}.")',
        ]
        return lines

    @property
    def _width(self) -> str:
        return ", width_of(part)" if self.has_states and self.is_text else ""


def evaluation_parts(*, has_states: bool) -> str:
    """Return the function that splits the validation split into forward passes."""
    rounding = "Rounding(multiple=ROUNDED_TO, longest=POSITIONS)" if has_states else "None"
    return textwrap.dedent(
        f'''\
        def evaluation_parts(lengths: Any) -> Iterator[Any]:
            """Yield the numbers of the examples of each forward pass of an evaluation."""
            if GROUPED:
                rounding = {rounding}
                yield from evaluation_batches(lengths, EVALUATION_BATCH, device=DEVICE, rounding=rounding)
                return
            for start in range(0, len(lengths), EVALUATION_BATCH):
                yield np.arange(start, min(start + EVALUATION_BATCH, len(lengths)))'''
    )
