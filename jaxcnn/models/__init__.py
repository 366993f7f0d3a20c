"""The zoo: one file a family, variants as data, all of them in one registry."""

from jaxcnn.models.cifar_resnet import CifarResNet as CifarResNet
from jaxcnn.models.convnet import ConvNet as ConvNet
from jaxcnn.models.inspect import Summary as Summary
from jaxcnn.models.inspect import summary as summary
from jaxcnn.models.lenet import LeNet5 as LeNet5
from jaxcnn.models.registry import create_model as create_model
from jaxcnn.models.registry import list_models as list_models
from jaxcnn.models.registry import model_info as model_info
from jaxcnn.models.variant import ModelInfo as ModelInfo
