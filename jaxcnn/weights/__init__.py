"""Foreign parameters in, our pytrees out: read safely, named exactly, checked from both sides."""

from jaxcnn.weights.error import WeightsError as WeightsError
from jaxcnn.weights.files import read as read
