"""`python -m train`: the only place that looks configs up by name."""

import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import configs
from train import cli
from train.errors import INTERNAL, INTERRUPTED, UserError
from train.huge_pages import restart_with_huge_pages


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for and return the exit code."""
    try:
        name, rest = cli.split_arguments(arguments)
        if name in cli.VERBS:
            return importlib.import_module(f"train.verbs.{name}").main(rest)
        known = cli.describe_configs(Path(configs.__file__).parent)
        cli.check_name(name, list(known))
        config = importlib.import_module(f"configs.{name}").config()
        listing = "\n".join(f"  {key:24}{text}" for key, text in known.items())
        command = cli.parse(name, config, rest, listing)
        if command.dry_run:
            return cli.show_dry_run(command.config, as_json=command.json)
        if command.find_lr:
            return cli.show_find_lr(
                command.config, Path(command.workdir or "."), as_json=command.json
            )
        # Imported late: help and wrong arguments need no JAX, and Ctrl-C is heard meanwhile.
        from train.compilation_cache import keep_programs
        from train.run import run
        from train.rundir import default_directory

        keep_programs()
        directory = Path(command.workdir or default_directory(name, command.config))
        summary = run(name, command.config, directory, fresh=command.fresh)
        if summary:  # One process of several shows it.
            cli.show(summary, directory, as_json=command.json)
        return 0
    except UserError as error:
        return cli.fail(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        return INTERNAL


if __name__ == "__main__":
    restart_with_huge_pages()
    sys.exit(main(sys.argv[1:]))
