# What training minimises: pure functions that return one number for each example.
from jaxcnn.losses.binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
from jaxcnn.losses.border import border_weights as border_weights
from jaxcnn.losses.cross_entropy import cross_entropy as cross_entropy
from jaxcnn.losses.dice import dice as dice
from jaxcnn.losses.distillation import distillation as distillation
from jaxcnn.losses.focal import focal as focal
from jaxcnn.losses.pixels import pixel_cross_entropy as pixel_cross_entropy
from jaxcnn.losses.pixels import pixel_mean as pixel_mean
