"""Trained networks at work: compiled ahead, fed in batches, saved as one program."""

from jaxcnn.inference.batches import Batch as Batch
from jaxcnn.inference.exported import load as load
from jaxcnn.inference.exported import save as save
from jaxcnn.inference.predictor import Predictor as Predictor
from jaxcnn.inference.predictor import predictor as predictor
