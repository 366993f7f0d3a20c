# What a network is, without running it: one abstract trace, from which come a table and a drawing.
from jaxcnn.models.inspect.plot import plot as plot
from jaxcnn.models.inspect.rows import Row as Row
from jaxcnn.models.inspect.summary import Summary as Summary
from jaxcnn.models.inspect.summary import summary as summary
