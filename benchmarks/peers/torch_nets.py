"""Networks that torchvision lacks, in PyTorch, with their weights under the zoo's paths."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.stride = stride

    def forward(self, x: Any) -> Any:
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.stride > 1:
            extra = y.shape[1] - x.shape[1]
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra // 2, extra - extra // 2))
        return functional.relu(x + y)


class ResNet20(nn.Module):
    """He et al. 2015, section 4.2, with shortcuts of option A."""

    def __init__(self, spec: dict[str, Any]):
        super().__init__()
        stem = {"conv": nn.Conv2d(3, 16, 3, 1, 1, bias=False), "norm": nn.BatchNorm2d(16)}
        self.stem = nn.ModuleDict(stem)
        for i, width in enumerate((16, 32, 64), 1):
            blocks = nn.ModuleDict()
            for j in range(1, 4):
                first = j == 1 and i > 1
                before = width // 2 if first else width
                blocks[f"block{j}"] = Block(before, width, 2 if first else 1)
            self.add_module(f"stage{i}", blocks)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        x = functional.relu(self.stem["norm"](self.stem["conv"](x)))
        for stage in (self.stage1, self.stage2, self.stage3):
            for block in stage.values():
                x = block(x)
        return self.head(x.mean((2, 3)))


class Double(nn.Module):
    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Any) -> Any:
        x = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    """Ronneberger et al. 2015, padded, with batch norm."""

    def __init__(self, spec: dict[str, Any]):
        super().__init__()
        width = spec["fields"].get("width", 64)
        before = 1
        for i in range(1, 5):
            self.add_module(f"down{i}", Double(before, width * 2 ** (i - 1)))
            before = width * 2 ** (i - 1)
        self.bottom = Double(before, before * 2)
        for i in range(1, 5):
            to = width * 2 ** (i - 1)
            step = Double(2 * to, to)
            step.up = nn.ConvTranspose2d(2 * to, to, 2, 2)
            self.add_module(f"up{i}", step)
        self.head = nn.Conv2d(width, spec["fields"].get("num_classes", 2), 1)

    def forward(self, x: Any) -> Any:
        skips = []
        for i in range(1, 5):
            skips.append(getattr(self, f"down{i}")(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for i in range(4, 0, -1):
            step = getattr(self, f"up{i}")
            x = step(torch.cat([skips[i - 1], step.up(x)], 1))
        return self.head(x)


class LeNet5(nn.Module):
    """LeCun et al. 1998, fully connected between maps; maps are flattened as (H, W, C)."""

    def __init__(self, spec: dict[str, Any]):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.head = nn.Linear(256, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Any) -> Any:
        x = functional.avg_pool2d(self.conv1(x).tanh(), 2)
        x = functional.avg_pool2d(self.conv2(x).tanh(), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.head(self.fc2(self.fc1(x).tanh()).tanh())


OWN = {"lenet5": LeNet5, "resnet20": ResNet20, "unet_padded": UNet}
