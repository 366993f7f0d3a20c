"""Other libraries with the same networks, weights and data: one file each.

A peer is a module with `build(spec, given) -> (step, value)`: `step()` begins one training step,
or one inference, and returns a handle; `value(handle)` waits for it and returns the loss, or the
mean magnitude of the logits.
"""

from typing import NamedTuple


class Peer(NamedTuple):
    """Where a peer is: its module here, its variant, and who names a Python that has it."""

    module: str
    variant: str = ""
    environment: str = ""


PEERS = {
    "jaxcnn": Peer("jaxcnn_zoo"),
    "flax": Peer("flax_linen"),
    "torch": Peer("torch_eager", environment="TORCH_PYTHON"),
    "torch.compile": Peer("torch_eager", "compile", environment="TORCH_PYTHON"),
    "keras": Peer("keras_jax", environment="KERAS_PYTHON"),
    "haiku": Peer("haiku_resnet", environment="HAIKU_PYTHON"),
    "equinox": Peer("equinox_resnet", environment="EQUINOX_PYTHON"),
}

RATE, MOMENTUM = 1e-4, 0.9
"""Of SGD. A deep network that has not learnt yet magnifies rounding: with 1e-3 the losses of
ResNet-50 are up to a percent apart after one step, though gradients in double precision agree."""
