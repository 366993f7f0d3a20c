"""An array of the abstract program: its shape, and what it is made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcnn.models.inspect.spread import Spread
from jaxcnn.typing import Shape


@dataclass(eq=False, slots=True)
class Value:
    """A result in the flattened program; two are the same only if they are one object.

    Attributes:
      shape: Sizes of the array.
      dtype: Type of its elements.
      spread: What it sees of the network's input; None if it is not made of it.
      learned: Whether it is made of the network's variables.
      array: Its elements, if it is a constant that the program holds.
      sparse: For an array in which zeros were put between elements: its sizes without them.
    """

    shape: Shape
    dtype: Any
    spread: Spread | None = None
    learned: bool = False
    sparse: Shape | None = None
    array: np.ndarray | None = None

    @property
    def fixed(self) -> bool:
        """Whether the architecture alone determines it: it sees no input and no variable."""
        return self.spread is None and not self.learned

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        count = 1
        for size in self.shape:
            count *= size
        return count * getattr(self.dtype, "itemsize", 4)
