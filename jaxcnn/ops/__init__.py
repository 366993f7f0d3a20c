"""Operations without parameters: arrays in, arrays out."""

from jaxcnn.ops.conv import conv as conv
from jaxcnn.ops.dropout import dropout as dropout
from jaxcnn.ops.dropout import stochastic_depth as stochastic_depth
from jaxcnn.ops.max_pool import max_pool as max_pool
from jaxcnn.ops.norm import batch_moments as batch_moments
from jaxcnn.ops.norm import batch_norm as batch_norm
from jaxcnn.ops.norm import normalize as normalize
from jaxcnn.ops.norm import update_moments as update_moments
from jaxcnn.ops.pad import pad as pad
from jaxcnn.ops.pool import avg_pool as avg_pool
from jaxcnn.ops.pool import lp_pool as lp_pool
from jaxcnn.ops.pool import min_pool as min_pool
from jaxcnn.ops.pool import sum_pool as sum_pool
