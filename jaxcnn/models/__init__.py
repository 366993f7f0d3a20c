"""The zoo: one file a family, variants as data, all of them in one registry."""

from jaxcnn.models.alexnet import AlexNet as AlexNet
from jaxcnn.models.allcnn import AllCNN as AllCNN
from jaxcnn.models.cifar_resnet import CifarResNet as CifarResNet
from jaxcnn.models.convnet import ConvNet as ConvNet
from jaxcnn.models.convnext import ConvNeXt as ConvNeXt
from jaxcnn.models.efficientnet import EfficientNet as EfficientNet
from jaxcnn.models.inception import Inception as Inception
from jaxcnn.models.inspect import Summary as Summary
from jaxcnn.models.inspect import plot as plot
from jaxcnn.models.inspect import summary as summary
from jaxcnn.models.lenet import LeNet5 as LeNet5
from jaxcnn.models.lenet_paper import LeNetPaper as LeNetPaper
from jaxcnn.models.mlp import MLP as MLP
from jaxcnn.models.mnasnet import MNASNet as MNASNet
from jaxcnn.models.mobilenet_v2 import MobileNetV2 as MobileNetV2
from jaxcnn.models.mobilenet_v3 import MobileNetV3 as MobileNetV3
from jaxcnn.models.registry import create_model as create_model
from jaxcnn.models.registry import list_models as list_models
from jaxcnn.models.registry import model_info as model_info
from jaxcnn.models.shufflenet import ShuffleNetV2 as ShuffleNetV2
from jaxcnn.models.squeezenet import SqueezeNet as SqueezeNet
from jaxcnn.models.unet import UNet as UNet
from jaxcnn.models.variant import ModelInfo as ModelInfo
from jaxcnn.models.vgg import VGG as VGG
