"""Faults to be seeded: those of rival ports, and those that a loop gets wrong without an error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One wrong line, and where it must be noticed."""

    name: str
    path: str
    right: str
    wrong: str
    tests: str


FAULTS = (
    Fault(
        "padding on the wrong side",
        "jaxcnn/ops/pad.py",
        "*((lo, hi, 0) for lo, hi in pads)",
        "*((hi, lo, 0) for lo, hi in pads)",
        "tests/ops/test_other_ops.py",
    ),
    Fault(
        "the odd element of 'SAME' on the wrong side",
        "jaxcnn/ops/window.py",
        "(total - small, small) if lower else (small, total - small)",
        "(small, total - small) if lower else (total - small, small)",
        "tests/ops/test_other_ops.py",
    ),
    Fault(
        "inverted momentum of the running statistics",
        "jaxcnn/ops/norm.py",
        "((keep * old + (1 - keep) * new) for old, new in pairs)",
        "(((1 - keep) * old + keep * new) for old, new in pairs)",
        "tests/layers/test_norm.py",
    ),
    Fault(
        "missing ReLU between the convolutions of a residual block",
        "jaxcnn/blocks/residual.py",
        'y = self.act(conv_norm(self, x, "1", self.features, (3, 3), stride=self.stride))',
        'y = conv_norm(self, x, "1", self.features, (3, 3), stride=self.stride)',
        "tests/blocks",
    ),
    Fault(
        "flatten order: channels first",
        "jaxcnn/models/lenet.py",
        "x = x.reshape(x.shape[0], -1)",
        "x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)",
        "tests/models/test_values.py",
    ),
    Fault(
        "gradients not summed over the devices",
        "train/step.py",
        "grads, sums, batch_stats = lax.psum((grads, sums, batch_stats), AXIS)",
        "sums, batch_stats = lax.psum((sums, batch_stats), AXIS)",
        "tests/train/test_step.py",
    ),
    Fault(
        "mean over the devices instead of over the examples",
        "train/step.py",
        'count = jnp.maximum(sums["count"], 1)',
        'count = jnp.maximum(sums["count"], 1) / devices',
        "tests/train/test_step.py",
    ),
    Fault(
        "mask ignored in the loss",
        "train/tasks.py",
        'jnp.sum(jnp.where(batch["mask"], per_example, 0))',
        "jnp.sum(per_example)",
        "tests/train/test_step.py",
    ),
    Fault(
        "padding counted in the evaluation",
        "train/evaluate.py",
        "np.asarray(value)[mask]",
        "np.asarray(value)",
        "tests/train/test_evaluate.py",
    ),
    Fault(
        "statistics of each device where those of the batch are asked for",
        "train/network.py",
        "return dataclasses.replace(norm, **group)",
        "return norm",
        "tests/train/test_setup.py",
    ),
    Fault(
        "norms of a backbone left to each device",
        "train/network.py",
        "changed[field.name] = synchronised(value, group)",
        "pass",
        "tests/train/test_setup.py",
    ),
    Fault(
        "the same draws on every device",
        "train/step.py",
        "return lax.axis_index(AXIS) * size + jnp.arange(size)",
        "return jnp.arange(size)",
        "tests/train/test_step.py",
    ),
    Fault(
        "a bad step poisons the statistics",
        "train/step.py",
        "return kept.replace(step=state.step + 1), metrics",
        "return kept.replace(step=state.step + 1, batch_stats=batch_stats), metrics",
        "tests/train/test_step.py",
    ),
    Fault(
        "data position not restored",
        "train/run.py",
        'batches.set_state(host["data"])',
        "pass",
        "tests/train/test_run.py",
    ),
    Fault(
        "running sums of the log not restored",
        "train/run.py",
        'window=Window(**host["window"])',
        "window=Window()",
        "tests/train/test_run.py",
    ),
    Fault(
        "the same order in every epoch",
        "train/data/order.py",
        "permutation(self.seed, epoch, self.examples)",
        "permutation(self.seed, 0, self.examples)",
        "tests/train/data",
    ),
    Fault(
        "weight decay on biases and norms",
        "train/optim.py",
        "jax.tree.map(lambda p: p.ndim > 1, params)",
        "jax.tree.map(lambda p: True, params)",
        "tests/train/test_optim.py",
    ),
    Fault(
        "mean of [0, 1] taken from bytes of [0, 255]",
        "jaxcnn/augment/normalize.py",
        "shift = jnp.asarray(255.0 * means, wide)",
        "shift = jnp.asarray(means, wide)",
        "tests/augment",
    ),
    Fault(
        "the gradient of max pooling goes to the last of equal maxima",
        "jaxcnn/ops/max_pool.py",
        "wins = (tap > best) |",
        "wins = (tap >= best) |",
        "tests/ops/test_pool.py",
    ),
    Fault(
        "the phases of a transposed convolution the wrong way round",
        "jaxcnn/ops/fractional.py",
        "kernel = jnp.flip(kernel, range(1, 2 * rank, 2))",
        "kernel = jnp.flip(kernel, ())",
        "tests/ops/test_fractional.py",
    ),
    Fault(
        "flatten order of imported linear layers",
        "jaxcnn/weights/names.py",
        ".transpose(1, 2, 0, 3)",
        ".transpose(2, 1, 0, 3)",
        "tests/models/test_golden.py --slow -k vgg11_bn",
    ),
    Fault(
        "epsilon of Inception's norms",
        "jaxcnn/models/inception.py",
        "layers.BatchNormConfig(epsilon=1e-3)",
        "layers.BatchNormConfig()",
        "tests/models/test_golden.py --slow -k googlenet",
    ),
    Fault(
        "the stride in the first 1x1 of a bottleneck",
        "jaxcnn/blocks/residual.py",
        'y = self.act(conv_norm(self, x, "1", width, (1, 1)))',
        'y = self.act(conv_norm(self, x[:, ::self.stride, ::self.stride], "1", width, (1, 1)))',
        "tests/blocks",
    ),
    Fault(
        "training loses the auxiliary logits without a word",
        "jaxcnn/models/auxiliary.py",
        "if not train or model.is_initializing()",
        "if True or model.is_initializing()",
        "tests/models/test_auxiliary.py",
    ),
    Fault(
        "multiply-adds of a grouped convolution counted as if it had one group",
        "jaxcnn/models/inspect/work.py",
        "kernel.shape[numbers.rhs_spec[1]]",
        "x.shape[numbers.lhs_spec[1]]",
        "tests/models/test_summary.py",
    ),
    Fault(
        "the statistics of frozen norms move",
        "jaxcnn/finetune/norms.py",
        "copy = norm.clone(parent=None, use_running_average=True)",
        "copy = norm.clone(parent=None, use_running_average=False)",
        "tests/finetune",
    ),
    Fault(
        "patience without an end",
        "train/patience.py",
        "return 0 < self.limit <= self.waited",
        "return False",
        "tests/train/test_patience.py --slow",
    ),
    Fault(
        "a dead process is not noticed",
        "train/watchdog.py",
        "if silence > limit]",
        "if silence > 100 * limit]",
        "tests/train/test_watchdog.py --slow",
    ),
    Fault(
        "the mean folded into the bias with the wrong sign",
        "jaxcnn/models/fold.py",
        "(0 if own is None else own) - mean",
        "(0 if own is None else own) + mean",
        "tests/models/test_fold.py",
    ),
    Fault(
        "kernels of input gradients not transposed in compiled loops",
        "jaxcnn/ops/canonical.py",
        "(*kernels[2:], kernels[1], kernels[0])",
        "(*kernels[2:], *sorted(kernels[:2], reverse=True))",
        "tests/ops/test_canonical.py",
    ),
    Fault(
        "strips without the rows that they share with the next one",
        "jaxcnn/ops/strips.py",
        "(step, after)]",
        "(0, after)]",
        "tests/ops/test_strips.py",
    ),
    Fault(
        "the wrong row dropped of one too many",
        "jaxcnn/ops/eigen.py",
        "[:, :-1]",
        "[:, 1:]",
        "tests/ops/test_eigen.py",
    ),
    Fault(
        "attacks leave the ball",
        "jaxcnn/synthesis/pixels.py",
        "change = jnp.clip(change, -radius, radius)",
        "change = jnp.clip(change, -2 * radius, 2 * radius)",
        "tests/synthesis/test_attacks.py",
    ),
    Fault(
        "Gram matrices divided by channels instead of positions",
        "jaxcnn/synthesis/matching.py",
        "flat) / flat.shape[1]",
        "flat) / flat.shape[2]",
        "tests/synthesis/test_terms.py",
    ),
    Fault(
        "whitening divides by variances",
        "jaxcnn/retrieval/projection.py",
        "scale = 1 / np.sqrt(variance + damping * total)",
        "scale = 1 / (variance + damping * total)",
        "tests/retrieval/test_descriptors.py",
    ),
    Fault(
        "CroW weighs channels by how often they are active",
        "jaxcnn/retrieval/pooling.py",
        "jnp.log(total / (tiny + active))",
        "jnp.log(total * (tiny + active))",
        "tests/retrieval/test_descriptors.py",
    ),
)
