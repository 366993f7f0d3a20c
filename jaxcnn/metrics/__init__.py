# How good a network is: pure functions with exact counts, one value for each example.
from jaxcnn.metrics.confusion import confusion_matrix as confusion_matrix
from jaxcnn.metrics.segmentation import dice_per_class as dice_per_class
from jaxcnn.metrics.segmentation import iou_per_class as iou_per_class
from jaxcnn.metrics.segmentation import mean_dice as mean_dice
from jaxcnn.metrics.segmentation import mean_iou as mean_iou
from jaxcnn.metrics.segmentation import pixel_accuracy as pixel_accuracy
from jaxcnn.metrics.sums import masked_sums as masked_sums
from jaxcnn.metrics.sums import means as means
from jaxcnn.metrics.top_k import top_k_hits as top_k_hits
