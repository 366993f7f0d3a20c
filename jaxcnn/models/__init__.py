"""The zoo: one file a family, variants as data, all of them in one registry."""

from jaxcnn.models.convnet import ConvNet as ConvNet
from jaxcnn.models.lenet import LeNet5 as LeNet5
from jaxcnn.models.registry import create_model as create_model
from jaxcnn.models.registry import list_models as list_models
from jaxcnn.models.resnet import CifarResNet as CifarResNet
