# What training minimises: pure functions that return one number for each example.
from jaxcnn.losses.binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
from jaxcnn.losses.cross_entropy import cross_entropy as cross_entropy
from jaxcnn.losses.distillation import distillation as distillation
