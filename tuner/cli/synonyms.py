"""What other tools call our commands and options, so that an unknown one is answered with ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import click

#: Commands by the words of W&B, Optuna, git, docker and the Trainer's scripts.
COMMANDS: Mapping[str, str] = {
    "run": "start",
    "train": "start",
    "sweep": "start",
    "search": "start",
    "launch": "start",
    "optimize": "start",
    "tune": "start",
    "fit": "start",
    "go": "start",
    "continue": "resume",
    "restart": "resume",
    "agent": "worker",
    "join": "worker",
    "ls": "list",
    "ps": "list",
    "studies": "list",
    "rm": "delete",
    "remove": "delete",
    "create": "init",
    "new": "init",
    "init-study": "init",
    "create-study": "init",
    "validate": "check",
    "lint": "check",
    "preprocess": "check",
    "info": "status",
    "runs": "trials",
    "history": "trials",
    "results": "trials",
    "leaderboard": "trials",
    "trial": "show",
    "best-trial": "best",
    "kill": "stop",
    "cancel": "stop",
    "end": "stop",
    "set": "edit",
    "update": "edit",
    "save": "export",
    "download": "export",
    "push": "export",
    "infer": "predict",
    "inference": "predict",
    "generate": "predict",
    "eval": "test",
    "evaluate": "test",
    "log": "logs",
    "tail": "logs",
    "ui": "dashboard",
    "web": "dashboard",
    "webui": "dashboard",
    "board": "dashboard",
    "prune": "gc",
    "clean": "gc",
}
#: Options by the words of Optuna, Ray Tune, the Trainer's scripts and launchers.
OPTIONS: Mapping[str, str] = {
    "--n-trials": "--trials",
    "--n_trials": "--trials",
    "--num-samples": "--trials",
    "--num-trials": "--trials",
    "--max-trials": "--trials",
    "--count": "--trials",
    "--timeout": "--time",
    "--gpus": "--devices",
    "--gpu": "--devices",
    "--device": "--devices",
    "--cuda": "--devices",
    "--n-gpus": "--devices",
    "--jobs": "--workers",
    "--n-jobs": "--workers",
    "--n_jobs": "--workers",
    "--num-workers": "--workers",
    "--num-processes": "--workers",
    "--parallel": "--workers",
    "--db": "--storage",
    "--database": "--storage",
    "--url": "--storage",
    "--dataset": "--data",
    "--dataset-name": "--data",
    "--dataset_name": "--data",
    "--train-file": "--data",
    "--train_file": "--data",
    "--model-name-or-path": "--model",
    "--model_name_or_path": "--model",
    "--output-dir": "--checkpoints",
    "--output_dir": "--checkpoints",
    "--verbose": "--debug",
}


def meant_command(word: str, known: Collection[str]) -> str:
    """Return `; did you mean 'start'?` where a command of ours is likely, else an empty string."""
    from search_spaces import suggestion

    ours = COMMANDS.get(word.lower(), "")
    return f"; did you mean {ours!r}?" if ours in known else suggestion(word, known)


def with_likely_options(error: click.ClickException) -> click.ClickException:
    """Return an error; one about an unknown option names the options of the command that are likely to be meant.

    Click suggests options that look alike.
    """
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        ours = OPTIONS.get(error.option_name, "")
        names = {name for each in error.ctx.command.params for name in each.opts}
        if ours in names:
            message = f"No such option {error.option_name!r}. Did you mean {ours!r}?"
            return click.NoSuchOption(error.option_name, message, ctx=error.ctx)
    return error
