"""One check for every way in which JAX differentiates and transforms a function."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

# Compiling is what these tests spend their time on.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def close(a, b, tolerance=1e-10):
    jax.tree.map(
        lambda u, v: np.testing.assert_allclose(u, v, rtol=tolerance, atol=tolerance), a, b
    )


def check_derivatives(f, *args, step=1e-6):
    """Compare jvp, vjp, linearize, Hessian products, vmap and jit in float64.

    `f` must be smooth near `args`. Everything is one program, since compiling is what costs.
    """
    # NumPy around the programs: every operation outside them would be compiled apart.
    args = tuple(map(np.asarray, args))
    rng = np.random.default_rng(3)
    along, others = ([rng.normal(size=a.shape) for a in args] for _ in range(2))
    positions = tuple(range(len(args)))

    def scalar(*args):
        y = f(*args)
        return jnp.sum(jnp.cos(jnp.arange(y.size).reshape(y.shape)) * jnp.sin(y))

    gradient = jax.grad(scalar, argnums=positions)

    def dot(us, vs):
        return sum(jnp.vdot(u, v) for u, v in zip(us, vs, strict=True))

    def central(g):
        ahead, behind = (
            g(*[a + sign * step * d for a, d in zip(args, along, strict=True)]) for sign in (1, -1)
        )
        return jax.tree.map(
            lambda u, v: (np.asarray(u) - np.asarray(v)) / (2 * step), ahead, behind
        )

    @quick_jit
    def everything(args, along, others):
        y, linear = jax.linearize(f, *args)
        rows = [jnp.stack(pair) for pair in zip(args, others, strict=True)]
        product = jax.jvp(gradient, args, tuple(along))[1]
        return {
            "value": (y, f(*args)),
            "forward": (jax.jvp(f, args, tuple(along))[1], linear(*along)),
            "reverse": (dot(gradient(*args), along), jax.jvp(scalar, args, tuple(along))[1]),
            "second": (product, jax.grad(lambda *a: dot(gradient(*a), along), positions)(*args)),
            "batched": (
                jax.vmap(gradient)(*rows),
                jax.tree.map(lambda *g: jnp.stack(g), gradient(*args), gradient(*others)),
            ),
        }

    results = everything(args, along, others)
    for name, (one, other) in results.items():
        jax.tree.map(lambda u, v, name=name: check(u, v, 1e-10, name), one, other)
    check(f(*map(jnp.asarray, args)), results["value"][0], 1e-12, "eager equals jit")
    check(central(quick_jit(f)), results["forward"][0], 1e-6, "finite differences")
    check(central(quick_jit(scalar)), results["reverse"][0], 1e-6, "of the gradient")
    jitted = quick_jit(gradient)
    for one, other in zip(central(jitted), results["second"][0], strict=True):
        check(one, other, 1e-5, "of the Hessian")


def check(one, other, tolerance, what):
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, err_msg=what)


def check_shard_map(f, x, *params, devices=8):
    """Gradients inside a user's `shard_map` with its default settings equal those outside.

    `x` is split over its first axis, `params` are replicated; `f` treats examples alone.
    """
    mesh = jax.make_mesh((devices,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def loss(x, *params):
        return jnp.sum(jnp.sin(f(x, *params)))

    def local(x, *params):
        # By default JAX itself adds up the gradients of replicated values.
        value, grads = jax.value_and_grad(loss, argnums=tuple(range(1 + len(params))))(x, *params)
        return jax.lax.psum(value, "data"), grads

    specs = (P("data"), *(P() for _ in params))
    sharded = quick_jit(jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=(P(), specs)))
    plain = quick_jit(jax.value_and_grad(loss, argnums=tuple(range(1 + len(params)))))
    close(sharded(x, *params), plain(x, *params))
