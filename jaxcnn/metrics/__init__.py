# How good a network is: pure functions with exact counts, one value for each example.
from jaxcnn.metrics.confusion import confusion_matrix as confusion_matrix
from jaxcnn.metrics.sums import masked_sums as masked_sums
from jaxcnn.metrics.sums import means as means
from jaxcnn.metrics.top_k import top_k_hits as top_k_hits
