"""Foreign parameters in, our pytrees out: read safely, named exactly, checked from both sides."""

from jaxcnn.weights.card import card as card
from jaxcnn.weights.catalogue import WeightSet as WeightSet
from jaxcnn.weights.catalogue import list_weights as list_weights
from jaxcnn.weights.catalogue import weight_set as weight_set
from jaxcnn.weights.download import cache_folder as cache_folder
from jaxcnn.weights.download import locate as locate
from jaxcnn.weights.error import WeightsError as WeightsError
from jaxcnn.weights.evaluate import Accuracy as Accuracy
from jaxcnn.weights.evaluate import evaluate as evaluate
from jaxcnn.weights.files import read as read
from jaxcnn.weights.predict import Guess as Guess
from jaxcnn.weights.predict import predict as predict
from jaxcnn.weights.pretrained import load_pretrained as load_pretrained
from jaxcnn.weights.torch_names import load_torch as load_torch
from jaxcnn.weights.torch_names import save_torch as save_torch
from jaxcnn.weights.torch_names import to_torch as to_torch
