"""Files of weights as arrays: nothing in them is executed, nothing they announce is believed."""

from jaxcnn.weights.files.read import read as read
