"""`jaxcnn list`: the models."""

import json
from typing import Annotated

import tyro

from jaxcnn.cli.options import Json
from jaxcnn.models import list_models, model_info
from jaxcnn.models.inspect.table import aligned, short

HEADER = ("name", "parameters", "mult-adds", "input", "source")


def command(
    pattern: Annotated[str, tyro.conf.Positional] = "*", /, *, as_json: Json = False
) -> str:
    """List the models.

    Args:
        pattern: Shell pattern of names, such as 'res*'.
        as_json: Print JSON.
    """
    infos = [model_info(name) for name in list_models(pattern)]
    if not infos:
        raise ValueError(f"list: no model is called like {pattern!r}. Fix: use * and ?, as 'vgg*'")
    if as_json:
        keys = ("name", "params", "macs", "input_size", "channels", "source")
        return json.dumps([{key: getattr(info, key) for key in keys} for info in infos], indent=1)
    rows = [
        (
            i.name,
            f"{i.params:,}",
            short(i.macs),
            f"{i.input_size}x{i.input_size}x{i.channels}",
            i.source,
        )
        for i in infos
    ]
    return "\n".join(aligned(HEADER, rows, right=(1, 2, 3)))
