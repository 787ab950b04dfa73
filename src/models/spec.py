"""What a saved model was fitted on: ``spec.json``, and arrays as safetensors, beside each other.

A fitted model goes in as a Spec and named arrays; a Spec that has been checked against the windows
to be forecast comes out. Nothing here unpickles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..data.plain_json import read_json
from ..errors import RunError
from ..ranges import MOST

if TYPE_CHECKING:
    from ..data.windows import Windows

FORMAT = 1
SPEC_FILE = "spec.json"
_MOST_LABELS = 4096
ARRAYS_FILE = "model.safetensors"


@dataclass(frozen=True)
class Spec:
    """The inputs and outputs of a fitted model.

    Attributes
    ----------
    model : str
        Name of the class that was fitted.
    inputs : view -> shape of one sample
    labels : names, in order
    quantities : one list a label
        What is forecast of it, as in ``Label.quantities``.
    n_out : int
        Symbols that one sample answers for: 1 when pooled.
    extra : dict
        What else the model needs, as plain JSON.
    """

    model: str
    inputs: dict[str, tuple[int, ...]]
    labels: tuple[str, ...]
    quantities: tuple[tuple[str, ...], ...]
    n_out: int
    extra: dict[str, Any] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Write ``spec.json`` into an existing folder."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2)
        (directory / SPEC_FILE).write_text(text + "\n", encoding="utf-8")

    def expect(self, windows: Windows) -> None:
        """Refuse windows that the model was not fitted on.

        Raises
        ------
        RunError
        """
        other = describe(self.model, windows)
        for what in ("inputs", "labels", "quantities", "n_out"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise RunError(
                    f"this {self.model} was fitted on {what} {_brief(mine)}, but the data has "
                    f"{_brief(theirs)}: "
                    "use the recipe that it was fitted with, or fit it again"
                )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def describe(model: str, windows: Windows, **extra: Any) -> Spec:
    """Return the Spec of a model that is fitted on `windows`."""
    return Spec(
        model=model,
        inputs={name: tuple(shape) for name, shape in windows.inputs.items()},
        labels=tuple(label.name for label in windows.labels),
        quantities=tuple(label.quantities for label in windows.labels),
        n_out=windows.n_out,
        extra=extra,
    )


def fitted(spec: Spec | None, model: str) -> Spec:
    """Return the Spec, or say that there is none yet.

    Raises
    ------
    RunError
        If the model has neither been fitted nor loaded.
    """
    if spec is None:
        raise RunError(f"this {model} has not been fitted: call fit or load before predict or save")
    return spec


def read_spec(directory: Path, model: str) -> Spec:
    """Read ``spec.json`` and check that it belongs to `model`.

    Raises
    ------
    RunError
    """
    path = directory / SPEC_FILE
    try:
        content = read_json(path)
        found = content["format"]
        if found != FORMAT:
            raise RunError(f"{path} has format {found!r}, not {FORMAT}: fit the model again")
        spec = Spec(
            model=str(content["model"]),
            inputs={str(k): tuple(int(n) for n in v) for k, v in content["inputs"].items()},
            labels=tuple(str(name) for name in content["labels"]),
            quantities=tuple(tuple(str(q) for q in row) for row in content["quantities"]),
            n_out=int(content["n_out"]),
            extra=dict(content["extra"]),
        )
        sizes = [size for shape in spec.inputs.values() for size in shape]
        widths = [len(spec.labels), *(len(row) for row in spec.quantities)]
        if (
            not sizes
            or len(spec.quantities) != len(spec.labels)
            or not all(0 < size <= MOST for size in (*sizes, spec.n_out))
            or not all(0 < width <= _MOST_LABELS for width in widths)
        ):
            raise ValueError("it has impossible sizes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise unreadable(path, error) from error
    if spec.model != model:
        raise RunError(
            f"{directory} holds a {spec.model}, not a {model}: load it with its own config"
        )
    return spec


def write_arrays(directory: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays as safetensors into an existing folder."""
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, directory / ARRAYS_FILE)


def read_arrays(directory: Path) -> dict[str, npt.NDArray[Any]]:
    """Read what `write_arrays` wrote.

    Raises
    ------
    RunError
    """
    path = directory / ARRAYS_FILE
    try:
        return dict(load_file(path))
    except (OSError, ValueError, SafetensorError) as error:
        raise unreadable(path, error) from error


def require_shape(
    arrays: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...], directory: Path
) -> npt.NDArray[Any]:
    """Return one array of a saved model, checked against the shape that its spec implies.

    Raises
    ------
    RunError
    """
    found = arrays[name].shape if name in arrays else "nothing"
    if found != shape:
        raise RunError(
            f"{directory / ARRAYS_FILE} holds {found} for {name!r} where {shape} belongs: "
            "fit the model again"
        )
    return arrays[name]


def unreadable(path: Path, error: Exception) -> RunError:
    """Word a file that is absent or is not what it should be as one line."""
    if isinstance(error, FileNotFoundError):
        return RunError(f"{path} is missing: the model was not saved there, or not completely")
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return RunError(f"{path} cannot be read ({reason}): restore it, or fit the model again")
