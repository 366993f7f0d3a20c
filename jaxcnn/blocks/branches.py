"""Parallel branches, described by data: all Inception blocks are tables for one module."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn import layers, ops
from jaxcnn.blocks.conv_norm_act import ConvNormAct
from jaxcnn.blocks.parts import Act, Conv, Norm, start_report
from jaxcnn.checks import Report
from jaxcnn.typing import Array


@dataclasses.dataclass(frozen=True)
class ConvStep:
    """A step of a branch: convolution, norm, nonlinearity.

    Attributes:
      features: Channels of the output.
      kernel_size: Height and width of the kernel; an int for both.
      stride: Step in both directions.
      padding: None for half the kernel, else as in `ConvNormAct`.

    >>> ConvStep(64, 3)
    ConvStep(features=64, kernel_size=3, stride=1, padding=None)
    """

    features: int
    kernel_size: int | tuple[int, int] = 1
    stride: int = 1
    padding: Any = None


@dataclasses.dataclass(frozen=True)
class PoolStep:
    """A step of a branch, `step(x)`: the maximum or the average of 3x3 windows.

    Attributes:
      kind: `"max"`, or `"avg"`, in which padding counts as zeros.
      stride: Step in both directions.
      padding: As in `jaxcnn.ops.max_pool`.
      window: Height and width of the window.

    >>> PoolStep("max").padding
    1
    """

    kind: str
    stride: int = 1
    padding: Any = 1
    window: int = 3

    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H', W', C)."""
        pool = ops.max_pool if self.kind == "max" else ops.avg_pool
        return pool(x, self.window, stride=self.stride, padding=self.padding)


@dataclasses.dataclass(frozen=True)
class SplitStep:
    """The last step of a branch: convolutions side by side on one input, concatenated.

    Attributes:
      convs: The convolutions.

    >>> len(SplitStep((ConvStep(384, (1, 3)), ConvStep(384, (3, 1)))).convs)
    2
    """

    convs: tuple[ConvStep, ...]


Step = ConvStep | PoolStep | SplitStep


@dataclasses.dataclass(frozen=True)
class Branch:
    """A named sequence of steps.

    Attributes:
      name: Prefix of the names of its convolutions.
      steps: What is applied, one after the other.

    >>> Branch("branch_pool", (PoolStep("avg"), ConvStep(32))).names()
    ['', 'branch_pool']
    >>> Branch("branch3x3", (ConvStep(64), ConvStep(96, 3))).names()
    ['branch3x3_1', 'branch3x3_2']
    """

    name: str
    steps: tuple[Step, ...]

    def names(self) -> list[str]:
        """Return each step's name: numbered where several have parameters, as in torchvision."""
        learned = [not isinstance(step, PoolStep) for step in self.steps]
        if sum(learned) == 1:
            return [self.name if has else "" for has in learned]
        return [f"{self.name}_{sum(learned[: i + 1])}" if h else "" for i, h in enumerate(learned)]


class Branches(nn.Module):
    """Parallel branches on one input, concatenated along the channels.

    ```
          .-> step -> step -.
    x ----+-> step ---------+-> concatenate
          `-> pool -> step -'
    ```

    The tables for it are functions such as `inception_v1`. A convolution is a `ConvNormAct`
    named after its branch, e.g. `branch3x3_2/conv`, `branch3x3_2/norm`.

    Attributes:
      branches: What runs side by side, with different names.
      conv: Constructor of convolutions, called `conv(features, kernel_size, ...)`.
      norm: Constructor of norms, called `norm(name=...)`, bound to train or evaluation; None
        for none, and then convolutions have biases.
      act: Nonlinearity after each convolution.
      use_bias: Whether convolutions have biases; None where there is no norm.

    Source: Szegedy et al. 2014, figure 2.

    Example:
      >>> import jax
      >>> from jaxcnn.blocks import inception_v1
      >>> block = Branches(inception_v1(64, 96, 128, 16, 32, 32), norm=None)
      >>> x = jnp.ones((1, 28, 28, 192))
      >>> y, variables = jax.eval_shape(block.init_with_output, jax.random.key(0), x)
      >>> y.shape, sorted(variables["params"])[:3]
      ((1, 28, 28, 256), ['branch1x1', 'branch3x3_1', 'branch3x3_2'])
    """

    branches: tuple[Branch, ...]
    conv: Conv = layers.Conv
    norm: Norm = layers.BatchNormConfig()
    act: Act | None = nn.relu
    use_bias: bool | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (N, H, W, C) to (N, H', W', sum of the branches' channels).

        Raises:
          ValueError: If names repeat, a step cannot be meant, or branches differ in size.
        """
        report = start_report(self, x)
        expect_branches(report, self.branches)
        report.done()
        outputs = [self._run(branch, x) for branch in self.branches]
        sizes = {b.name: y.shape[1:3] for b, y in zip(self.branches, outputs, strict=True)}
        rule, fix = "must give maps of one size", "match their strides and paddings"
        report.expect(len(set(sizes.values())) == 1, "branches", sizes, rule, fix)
        report.done()
        return jnp.concatenate(outputs, -1)

    def _run(self, branch: Branch, x: Array) -> Array:
        for name, step in zip(branch.names(), branch.steps, strict=True):
            if isinstance(step, PoolStep):
                x = step(x)
            elif isinstance(step, SplitStep):
                letters = "abcdefgh"[: len(step.convs)]
                pairs = zip(letters, step.convs, strict=True)
                x = jnp.concatenate([self._conv(name + a, s, x) for a, s in pairs], -1)
            else:
                x = self._conv(name, step, x)
        return x

    def _conv(self, name: str, step: ConvStep, x: Array) -> Array:
        unit = ConvNormAct(
            step.features,
            step.kernel_size,
            step.stride,
            step.padding,
            use_bias=self.use_bias,
            conv=self.conv,
            norm=self.norm,
            act=self.act,
            name=name,
        )
        return unit(x)


def expect_branches(report: Report, branches: Any) -> None:
    """Expect branches with different names, made of steps."""
    ok = isinstance(branches, tuple) and all(isinstance(branch, Branch) for branch in branches)
    rule, fix = "must be a tuple of Branch", "use a table such as inception_v1(...)"
    if not report.expect(ok and len(branches) > 0, "branches", branches, rule, fix, kind=not ok):
        return
    names = [branch.name for branch in branches]
    rule, fix = "must have different names", "rename one"
    report.expect(len(set(names)) == len(names), "branches", names, rule, fix)
    for branch in branches:
        steps = isinstance(branch.steps, tuple) and branch.steps
        ok = bool(steps) and all(isinstance(step, Step) for step in branch.steps)
        rule, fix = "must hold ConvStep, PoolStep or SplitStep", "see jaxcnn.blocks.Branch"
        if report.expect(ok, f"{branch.name}.steps", branch.steps, rule, fix, kind=True):
            for step in branch.steps:
                if isinstance(step, PoolStep):
                    report.choice(f"{branch.name}.kind", step.kind, ("max", "avg"))
