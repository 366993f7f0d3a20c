"""`jaxcnn info`: one model."""

import dataclasses
import json
from typing import Any

from jaxcnn.cli.options import Json, Name
from jaxcnn.models import model_info
from jaxcnn.models.inspect.table import short


def command(name: Name, /, *, as_json: Json = False) -> str:
    """Tell all that is known of a model, and what its fields are.

    Args:
        name: Name of the model; see jaxcnn list.
        as_json: Print JSON.
    """
    info = model_info(name)
    fields = {field: plain(value) for field, value in info.fields.items()}
    if as_json:
        return json.dumps({**dataclasses.asdict(info), "fields": fields}, indent=1)
    lines = {
        "name": info.name,
        "family": info.family,
        "source": info.source,
        "parameters": f"{info.params:,}",
        "mult-adds": short(info.macs),
        "input": f"{info.input_size}x{info.input_size}x{info.channels}, "
        f"at least {info.min_size}x{info.min_size}",
        "classes": info.num_classes,
    }
    told = [f"{key:12}{value}" for key, value in lines.items()]
    width = max(map(len, fields), default=0) + 2
    table = [f"  {key:{width}}{value}" for key, value in fields.items()]
    return "\n".join([*told, "", "fields, for create_model:", *table])


def plain(value: Any) -> Any:
    """Return a field's value as JSON knows it; functions and classes by name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    named = getattr(value, "__name__", None)
    return named if named else repr(value)
