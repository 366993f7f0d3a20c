"""What happens inside any Linen network: activations, gradients there, targets of gradients."""

from jaxcnn.taps.features import features as features
from jaxcnn.taps.gradients import Gradients as Gradients
from jaxcnn.taps.gradients import grad_at as grad_at
from jaxcnn.taps.listing import list_taps as list_taps
from jaxcnn.taps.relu_rules import deconvnet_relu as deconvnet_relu
from jaxcnn.taps.relu_rules import guided_relu as guided_relu
from jaxcnn.taps.relu_rules import replace_relu as replace_relu
from jaxcnn.taps.target import Target as Target
from jaxcnn.taps.targets import Difference as Difference
from jaxcnn.taps.targets import Logit as Logit
from jaxcnn.taps.targets import Probability as Probability
from jaxcnn.taps.targets import Score as Score
from jaxcnn.taps.targets import as_target as as_target
from jaxcnn.taps.targets import top1 as top1
from jaxcnn.taps.units import Channel as Channel
from jaxcnn.taps.units import Direction as Direction
from jaxcnn.taps.units import Layer as Layer
from jaxcnn.taps.units import Neuron as Neuron
