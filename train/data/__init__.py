# Data: sources, how they are cut, and batches.
from train.data.batches import Batch as Batch
from train.data.batches import TrainBatches as TrainBatches
from train.data.batches import train_batches as train_batches
from train.data.evaluation import EvalBatches as EvalBatches
from train.data.evaluation import eval_batches as eval_batches
from train.data.given import splits_of as splits_of
from train.data.meter import StallMeter as StallMeter
from train.data.order import check_batch_size as check_batch_size
from train.data.order import steps_per_epoch as steps_per_epoch
from train.data.source import Source as Source
from train.data.splits import Splits as Splits
from train.data.splits import load_splits as load_splits
