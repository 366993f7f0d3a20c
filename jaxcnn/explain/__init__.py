"""What a network saw: maps of the pixels that matter, for any Linen network.

All methods are called alike, `explain.METHOD(model, variables, x, target, **options)`, and
return maps (N, H, W) or (N, H, W, C). They are pure, and work under `jit` and `vmap`.
"""

from jaxcnn.explain import measures as measures
from jaxcnn.explain.ablation import feature_ablation as feature_ablation
from jaxcnn.explain.blur import blur_integrated_gradients as blur_integrated_gradients
from jaxcnn.explain.cam import grad_cam as grad_cam
from jaxcnn.explain.cam import grad_cam_pp as grad_cam_pp
from jaxcnn.explain.cam import layer_cam as layer_cam
from jaxcnn.explain.embed import embed as embed
from jaxcnn.explain.feature_maps import FeatureMaps as FeatureMaps
from jaxcnn.explain.feature_maps import feature_maps as feature_maps
from jaxcnn.explain.filters import filters as filters
from jaxcnn.explain.gradients import gradient_x_input as gradient_x_input
from jaxcnn.explain.gradients import saliency as saliency
from jaxcnn.explain.guided import deconvnet as deconvnet
from jaxcnn.explain.guided import guided_backprop as guided_backprop
from jaxcnn.explain.guided import guided_grad_cam as guided_grad_cam
from jaxcnn.explain.integrated import completeness_error as completeness_error
from jaxcnn.explain.integrated import integrated_gradients as integrated_gradients
from jaxcnn.explain.kernel_shap import kernel_shap as kernel_shap
from jaxcnn.explain.lime import lime as lime
from jaxcnn.explain.noise import smooth_grad as smooth_grad
from jaxcnn.explain.noise import var_grad as var_grad
from jaxcnn.explain.occlusion import occlusion as occlusion
from jaxcnn.explain.receptive import receptive_boxes as receptive_boxes
from jaxcnn.explain.rise import rise as rise
from jaxcnn.explain.score_cam import score_cam as score_cam
from jaxcnn.explain.segments import squares as squares
from jaxcnn.explain.segments import superpixels as superpixels
from jaxcnn.explain.top_activations import TopActivations as TopActivations
from jaxcnn.explain.top_activations import random_directions as random_directions
from jaxcnn.explain.top_activations import top_activations as top_activations
