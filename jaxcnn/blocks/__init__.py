"""Compositions of layers that more than one model uses."""

from jaxcnn.blocks.residual import BasicBlock as BasicBlock
from jaxcnn.blocks.residual import ResidualStage as ResidualStage
from jaxcnn.blocks.residual import shortcut_a as shortcut_a
