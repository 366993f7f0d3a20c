"""jaxcnn: convolutional networks for JAX, as pure functions and thin Flax Linen modules."""

from jaxcnn.models import create_model as create_model
from jaxcnn.models import fold_batch_norm as fold_batch_norm
from jaxcnn.models import initialize as initialize
from jaxcnn.models import list_models as list_models
from jaxcnn.models import model_info as model_info
from jaxcnn.models import plot as plot
from jaxcnn.models import summary as summary
from jaxcnn.taps import features as features
from jaxcnn.taps import grad_at as grad_at
from jaxcnn.weights import load_pretrained as load_pretrained

__version__ = "0.1.0"
