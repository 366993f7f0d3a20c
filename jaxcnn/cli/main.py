"""From the words of a command line to its command, and from errors to exit codes."""

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import jaxcnn

COMMANDS = {
    "list": "the models, with their parameters and papers",
    "info": "all that is known of a model",
    "summary": "a model's layers: outputs, parameters, multiply-adds, receptive fields",
    "plot": "a diagram of a model's blocks, as SVG",
    "predict": "what is in some images",
    "explain": "what a network sees in images: methods side by side, filters, units, embeddings",
    "export": "a trained network as one file that runs without its code",
    "search": "the images of a folder that look like a given one: build, query, eval",
    "visualize": "images that excite a class or a channel most",
    "invert": "images with the same features at a layer as a photograph",
    "dream": "DeepDream: what a layer sees in an image, more of it",
    "style": "the content of one image in the style of another",
    "attack": "a small change of an image after which the network errs",
    "evaluate": "how often a model is right about a folder of labelled images",
}
"""What each does; the command `NAME` is the function `command` of `jaxcnn.cli.NAME_command`, or a
dict of several."""

EXTRAS = {
    "tyro": "cli",
    "faiss": "search",
    "cv2": "train",
    "flatbuffers": "export",
    "matplotlib": "cli",
    "sklearn": "cli",
    "skimage": "cli",
}
"""Which extra brings a package."""

OK, SKIPPED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, 2 for wrong usage, 70 for a fault of ours.

    A command that had to skip some of its files ends with 1.

    Args:
      arguments: The words after the program's name; None takes those of the process.

    Returns:
      The exit code.

    >>> main(["lst"])
    2
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed by whoever started this: work is done, words are lost
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        code = run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return fail(f"this needs {error.name}: run  pip install 'jaxcnn[{extra}]'")
    except (ValueError, TypeError, OSError) as error:
        if not expected(error):
            traceback.print_exc()
            return INTERNAL
        return fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def run(words: list[str]) -> int:
    """Find the command and run it on the rest of the words."""
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        print(usage())
        return OK
    if name == "--version":
        print(f"jaxcnn {jaxcnn.__version__}")
        return OK
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "see jaxcnn --help"
        return fail(f"unknown command {name!r}; {hint}")
    import tyro  # late: without the extra, the list of commands can still be read

    command = importlib.import_module(f"jaxcnn.cli.{name}_command").command
    several = isinstance(command, dict)
    call = tyro.extras.subcommand_cli_from_dict if several else tyro.cli
    answer = call(command, prog=f"jaxcnn {name}", args=words[1:])
    text, skipped = answer if isinstance(answer, tuple) else (answer, "")
    print(text)
    if skipped:
        sys.stderr.write(f"{skipped}\n")
    return SKIPPED if skipped else OK


def usage() -> str:
    """Return the list of commands."""
    lines = [f"  {name:9} {does}" for name, does in COMMANDS.items()]
    return "\n".join(
        ["usage: jaxcnn COMMAND ...", "", *lines, "", "jaxcnn COMMAND --help tells its arguments."]
    )


def expected(error: Exception) -> bool:
    """Whether the library refused an argument, or the system a file: no fault of the program."""
    if isinstance(error, OSError):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = os.path.dirname(jaxcnn.__file__) in last.filename
    return ours and (last.line or "").lstrip().startswith("raise")  # on purpose, that is


def fail(message: str) -> int:
    """Print an error and return the exit code for wrong usage."""
    sys.stderr.write(f"error: {message}\n")
    return USAGE
