"""Writes `blocks.npz`, what PyTorch computes with the blocks of `blocks_cases`.

    python -m tests.golden.make_blocks

where torch and torchvision are. Per case: samples of the output in evaluation, of the output in
training and of its gradient to the input (`y`, `t`, `g`); the gradient to each parameter along a
fixed direction (`p`), and the sums of the running statistics after training (`s`), both in the
order of the sorted names.
"""

import functools
import importlib
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import densenet, efficientnet, mobilenetv2, mobilenetv3, resnet

from tests.golden import blocks_cases

# The functions that make these networks hide the modules of the same names.
googlenet, inception = (
    importlib.import_module(f"torchvision.models.{name}") for name in ("googlenet", "inception")
)

FILE = pathlib.Path(__file__).with_name("blocks.npz")


def conv(inside, outside, size, stride=1, padding=None, bias=False):
    """Return a convolution, padded by half the kernel unless said."""
    padding = (size - 1) // 2 if padding is None else padding
    return nn.Conv2d(inside, outside, size, stride, padding, bias=bias)


def unit(inside, outside, size, stride=1, norm=True):
    """Return convolution, norm and ReLU, or a convolution with bias and ReLU."""
    if not norm:
        return nn.Sequential(conv(inside, outside, size, stride, bias=True), nn.ReLU())
    norm = nn.BatchNorm2d(outside, eps=1e-3)
    return nn.Sequential(conv(inside, outside, size, stride), norm, nn.ReLU())


def down(inside, outside, stride):
    """Return torchvision's shortcut."""
    return nn.Sequential(conv(inside, outside, 1, stride), nn.BatchNorm2d(outside))


class Side(nn.Module):
    """Branches side by side."""

    def __init__(self, **branches):
        super().__init__()
        self.branches = nn.ModuleDict(branches)

    def forward(self, x):
        """Concatenate."""
        return torch.cat([branch(x) for branch in self.branches.values()], 1)


class Preact(nn.Module):
    """A block of He et al. 2016 with kernels of the given sizes; the first 3x3 has the stride."""

    def __init__(self, inside, widths, sizes, stride):
        super().__init__()
        self.strides = [stride if i == sizes.index(3) else 1 for i in range(len(sizes))]
        for i, (width, size) in enumerate(zip(widths, sizes, strict=True), 1):
            before = inside if i == 1 else widths[i - 2]
            self.add_module(f"norm{i}", nn.BatchNorm2d(before))
            self.add_module(f"conv{i}", conv(before, width, size, self.strides[i - 1]))
        if stride > 1 or inside != widths[-1]:
            self.shortcut_conv = conv(inside, widths[-1], 1, stride)

    def forward(self, x):
        """Add the branch to the input, or to the projection of the activated input."""
        y = x
        for i in range(1, len(self.strides) + 1):
            y = F.relu(self.get_submodule(f"norm{i}")(y))
            if i == 1 and hasattr(self, "shortcut_conv"):
                x = self.shortcut_conv(y)
            y = self.get_submodule(f"conv{i}")(y)
        return x + y


class PlainDense(nn.Module):
    """Dense layers without bottleneck."""

    def __init__(self, inside, growth, layers):
        super().__init__()
        for i in range(1, layers + 1):
            block = nn.Module()
            block.norm1 = nn.BatchNorm2d(inside)
            block.conv1 = conv(inside, growth, 3)
            self.add_module(f"layer{i}", block)
            inside += growth

    def forward(self, x):
        """Concatenate everything."""
        for block in self.children():
            x = torch.cat([x, block.conv1(F.relu(block.norm1(x)))], 1)
        return x


class UNet(nn.Module):
    """One step down, the bottom, one step up; `padding` 0 crops the skip, 1 pads the map."""

    def __init__(self, inside, width, padding):
        super().__init__()
        self.padding = padding
        widths = {
            "down": (inside, width),
            "bottom": (width, 2 * width),
            "joined": (2 * width, width),
        }
        for name, (before, after) in widths.items():
            self.add_module(f"{name}_conv1", conv(before, after, 3, padding=padding, bias=True))
            self.add_module(f"{name}_conv2", conv(after, after, 3, padding=padding, bias=True))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)

    def twice(self, name, x):
        """Apply two convolutions."""
        for i in (1, 2):
            x = F.relu(self.get_submodule(f"{name}_conv{i}")(x))
        return x

    def forward(self, x):
        """Go down and up."""
        skip = self.twice("down", x)
        x = self.up(self.twice("bottom", F.max_pool2d(skip, 2)))
        if self.padding:
            high, wide = (skip.shape[i] - x.shape[i] for i in (2, 3))
            x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        else:
            top, left = ((skip.shape[i] - x.shape[i]) // 2 for i in (2, 3))
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        return self.twice("joined", torch.cat([skip, x], 1))


def dense_and_transition():
    """Return torchvision's dense block and the transition after it."""
    block = densenet._DenseBlock(3, 6, bn_size=2, growth_rate=4, drop_rate=0)
    return nn.Sequential(block, densenet._Transition(18, 9))


def v2(pool):
    """Return a block of BN-Inception."""
    return Side(
        branch1x1=unit(6, 4, 1),
        branch3x3=nn.Sequential(unit(6, 3, 1), unit(3, 5, 3)),
        branch3x3dbl=nn.Sequential(unit(6, 2, 1), unit(2, 6, 3), unit(6, 6, 3)),
        branch_pool=nn.Sequential(pool, unit(6, 3, 1)),
    )


def v2_reduction():
    """Return the block of BN-Inception that halves the size, with Caffe's ceil mode."""
    return Side(
        branch3x3=nn.Sequential(unit(6, 3, 1), unit(3, 5, 3, 2)),
        branch3x3dbl=nn.Sequential(unit(6, 2, 1), unit(2, 6, 3), unit(6, 6, 3, 2)),
        branch_pool=nn.MaxPool2d(3, 2, ceil_mode=True),
    )


def v1():
    """Return the paper's block of GoogLeNet."""
    side = functools.partial(unit, norm=False)
    return Side(
        branch1x1=side(6, 4, 1),
        branch3x3=nn.Sequential(side(6, 3, 1), side(3, 5, 3)),
        branch5x5=nn.Sequential(side(6, 2, 1), side(2, 3, 5)),
        branch_pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), side(6, 4, 1)),
    )


def naive():
    """Return the block without reductions."""
    side = functools.partial(unit, norm=False)
    pool = nn.MaxPool2d(3, 1, 1)
    sizes = {f"branch{k}x{k}": side(3, f, k) for k, f in ((1, 4), (3, 5), (5, 2))}
    return Side(**sizes, branch_pool=pool)


def mbconv(stride, features):
    """Return EfficientNet's block."""
    config = efficientnet.MBConvConfig(4, 5, stride, 8, features, 1)
    return efficientnet.MBConv(config, 0.0, nn.BatchNorm2d)


def fused(ratio, features):
    """Return an early block of EfficientNet-v2."""
    config = efficientnet.FusedMBConvConfig(ratio, 3, 1, 8, features, 1)
    return efficientnet.FusedMBConv(config, 0.0, nn.BatchNorm2d)


def mobilenet_v3():
    """Return a block with hard swish and squeeze-excite."""
    config = mobilenetv3.InvertedResidualConfig(8, 5, 24, 8, True, "HS", 1, 1, 1.0)
    return mobilenetv3.InvertedResidual(config, nn.BatchNorm2d)


BLOCKS = {
    "basic": lambda: resnet.BasicBlock(5, 5),
    "basic_stride": lambda: resnet.BasicBlock(5, 8, 2, down(5, 8, 2)),
    "bottleneck": lambda: resnet.Bottleneck(16, 4),
    "bottleneck_stride": lambda: resnet.Bottleneck(5, 4, 2, down(5, 16, 2)),
    "bottleneck_groups": lambda: resnet.Bottleneck(16, 4, groups=4, base_width=32),
    "bottleneck_wide": lambda: resnet.Bottleneck(8, 2, base_width=128),
    "preact_basic": lambda: Preact(5, (5, 5), (3, 3), 1),
    "preact_basic_stride": lambda: Preact(5, (8, 8), (3, 3), 2),
    "preact_bottleneck_stride": lambda: Preact(5, (3, 3, 12), (1, 3, 1), 2),
    "inception_naive": naive,
    "inception_v1": v1,
    "inception_v1_bn": lambda: googlenet.Inception(6, 4, 3, 5, 2, 3, 4),
    "inception_v2": lambda: v2(nn.AvgPool2d(3, 1, 1)),
    "inception_v2_max": lambda: v2(nn.MaxPool2d(3, 1, 1)),
    "inception_v2_reduction": v2_reduction,
    "inception_a": lambda: inception.InceptionA(6, 32),
    "inception_b": lambda: inception.InceptionB(6),
    "inception_c": lambda: inception.InceptionC(6, 24),
    "inception_d": lambda: inception.InceptionD(6),
    "inception_e": lambda: inception.InceptionE(6),
    "googlenet_aux": lambda: googlenet.InceptionAux(6, 5, dropout=0.0),
    "inception_v3_aux": lambda: inception.InceptionAux(6, 5),
    "dense": dense_and_transition,
    "dense_plain": lambda: PlainDense(6, 4, 3),
    "inverted": lambda: mobilenetv2.InvertedResidual(5, 5, 1, 6),
    "inverted_stride": lambda: mobilenetv2.InvertedResidual(5, 8, 2, 6),
    "inverted_thin": lambda: mobilenetv2.InvertedResidual(8, 6, 1, 1),
    "mbconv": lambda: mbconv(1, 8),
    "mbconv_stride": lambda: mbconv(2, 16),
    "mobilenet_v3": mobilenet_v3,
    "fused": lambda: fused(4, 8),
    "fused_thin": lambda: fused(1, 8),
    "unet_valid": lambda: UNet(2, 4, 0),
    "unet_padded": lambda: UNet(2, 4, 1),
}


def last(x):
    """NCHW to NHWC; logits stay."""
    x = x.detach()
    return (x.movedim(1, -1) if x.ndim == 4 else x).numpy()


def load(case, module):
    """Give every tensor the values of its name."""
    state = module.double().state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            value = blocks_cases.weight(case, name, tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(np.asarray(value)))


def compute(case):
    """Return what is stored of a case."""
    module = BLOCKS[case]()
    load(case, module)
    x = torch.tensor(blocks_cases.image(case)).movedim(-1, 1).requires_grad_()
    y = last(module.eval()(x))
    # A gradient to the input is only sharp if it flows through the statistics of the batch.
    trained = module.train()(x)
    torch.sin(trained).sum().backward()
    slopes = []
    for name, parameter in sorted(module.named_parameters()):
        direction = blocks_cases.direction(case, name, tuple(parameter.shape))
        slopes.append(float((parameter.grad * torch.from_numpy(direction)).sum()))
    kept = {"y": y, "t": last(trained), "g": last(x.grad)}
    stats = [float(v.sum()) for k, v in sorted(module.state_dict().items()) if "running" in k]
    samples = {k: blocks_cases.sample(v) for k, v in kept.items()}
    return samples | {"p": np.array(slopes), "s": np.array(stats)}


def main():
    """Compute and store all cases."""
    results = {}
    for case in blocks_cases.INPUTS:
        results |= {f"{case}/{key}": value for key, value in compute(case).items()}
        print(case, *(f"{np.abs(results[f'{case}/{k}']).max():.2f}" for k in "ytgp"))
    np.savez_compressed(FILE, **results)


if __name__ == "__main__":
    main()
