# What training minimises: pure functions that return one number for each example.
from jaxcnn.losses.cross_entropy import cross_entropy as cross_entropy
