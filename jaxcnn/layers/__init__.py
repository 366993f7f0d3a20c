"""Linen modules: thin shells around `jaxcnn.ops`, and drop-in supersets of `flax.linen`."""

from jaxcnn.layers.conv import Conv as Conv
from jaxcnn.layers.conv_transpose import ConvTranspose as ConvTranspose
from jaxcnn.layers.folded import FoldedNorm as FoldedNorm
from jaxcnn.layers.folded import FoldedNormConfig as FoldedNormConfig
from jaxcnn.layers.norm import BatchNorm as BatchNorm
from jaxcnn.layers.norm import BatchNormConfig as BatchNormConfig
from jaxcnn.layers.norm import GroupNormConfig as GroupNormConfig
from jaxcnn.layers.norm import LocalResponseNorm as LocalResponseNorm
from jaxcnn.layers.pool import avg_pool as avg_pool
from jaxcnn.layers.pool import max_pool as max_pool
from jaxcnn.layers.pool import min_pool as min_pool
from jaxcnn.layers.squeeze_excite import SqueezeExcite as SqueezeExcite
from jaxcnn.layers.stochastic import Dropout as Dropout
from jaxcnn.layers.stochastic import StochasticDepth as StochasticDepth
from jaxcnn.layers.stochastic import per_example as per_example
