"""Write what Foolbox's attacks on JAX networks find on one network, for `test_foolbox`.

python -m tests.golden.make_attacks, where foolbox 3.3 is installed besides
"""

import eagerpy
import foolbox
import jax
import numpy as np

from tests.golden import attacks as case


def main() -> None:
    apply = case.logits(case.weights())
    model = foolbox.models.JAXModel(apply, bounds=(0, 1))
    x, labels = jax.numpy.asarray(case.images()), jax.numpy.asarray(case.LABELS)
    found = {}
    for name, (kind, eps, options) in case.ATTACKS.items():
        attack = getattr(foolbox.attacks, kind)(random_start=False, **options)
        aims = {"away": foolbox.Misclassification(labels)}
        if kind != "LinfFastGradientAttack":
            aims["to"] = foolbox.TargetedMisclassification(jax.numpy.asarray(case.TARGETS))
        for aim, criterion in aims.items():
            clipped = attack(model, x, criterion, epsilons=eps)[1]
            found[f"{name}_{aim}"] = np.asarray(clipped, np.float32)
    np.savez_compressed(
        case.FILE, **found, versions=np.array([foolbox.__version__, eagerpy.__version__])
    )
    print({name: value.shape for name, value in found.items()})


if __name__ == "__main__":
    main()
