# Fine-tuning with optax alone: which parameters move, how fast and from when; new heads and stems.
from jaxcnn.finetune.channels import adapt_channels as adapt_channels
from jaxcnn.finetune.freeze import freeze as freeze
from jaxcnn.finetune.freeze import stop_gradients as stop_gradients
from jaxcnn.finetune.gradual import unfreeze as unfreeze
from jaxcnn.finetune.gradual import unfreezing_norms as unfreezing_norms
from jaxcnn.finetune.head import head_paths as head_paths
from jaxcnn.finetune.head import new_head as new_head
from jaxcnn.finetune.labels import label_params as label_params
from jaxcnn.finetune.layerwise import layer_order as layer_order
from jaxcnn.finetune.layerwise import layerwise_rates as layerwise_rates
from jaxcnn.finetune.layerwise import scale_by_layer as scale_by_layer
from jaxcnn.finetune.norms import frozen_norms as frozen_norms
from jaxcnn.finetune.probe import cached_features as cached_features
from jaxcnn.finetune.probe import linear_probe as linear_probe
