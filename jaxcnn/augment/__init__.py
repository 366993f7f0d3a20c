# Random changes of training images: pure batched functions f(keys, images), inside jit or outside.
from jaxcnn.augment.affine_matrices import affine_matrices as affine_matrices
from jaxcnn.augment.affine_warp import affine_warp as affine_warp
from jaxcnn.augment.color_jitter import color_jitter as color_jitter
from jaxcnn.augment.cutmix import cutmix as cutmix
from jaxcnn.augment.flip import horizontal_flip as horizontal_flip
from jaxcnn.augment.keys import example_keys as example_keys
from jaxcnn.augment.keys import stream as stream
from jaxcnn.augment.mixup import mixup as mixup
from jaxcnn.augment.normalize import normalize as normalize
from jaxcnn.augment.pad_crop import pad_crop as pad_crop
from jaxcnn.augment.rand_augment import rand_augment as rand_augment
from jaxcnn.augment.random_affine import random_affine as random_affine
from jaxcnn.augment.random_erasing import random_erasing as random_erasing
from jaxcnn.augment.random_resized_crop import random_resized_crop as random_resized_crop
from jaxcnn.augment.trivial_augment import trivial_augment as trivial_augment
