"""The ceilings of a device, and the bounds that they set to a network."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

BN_PASSES = 8
"""Times that training reads or writes each convolution's output for batch norm and ReLU: six and
two, where they are passes of their own (statistics, normalising; two sums and a gradient)."""


class Ceilings(NamedTuple):
    """What the device does at best."""

    flops: float
    """Multiply-adds count two, per second."""
    bandwidth: float
    """Bytes read and written per second."""


def ceilings(size: int, bytes_moved: int) -> Ceilings:
    """Measure a product of two square bf16 matrices, and a copy."""
    a = jax.random.normal(jax.random.key(0), (size, size), jnp.bfloat16)
    product = jax.jit(lambda a: jnp.dot(a, a, preferred_element_type=jnp.bfloat16))
    x = jnp.zeros(bytes_moved // 2, jnp.bfloat16)
    copy = jax.jit(lambda x: x + 1)
    return Ceilings(2 * size**3 / best(lambda: product(a)), 2 * bytes_moved / best(lambda: copy(x)))


def best(call: Callable[[], Any], rounds: int = 10, times: int = 10) -> float:
    """Return the seconds of a call in the quickest of some rounds."""
    jax.block_until_ready(call())
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times - 1):
            call()
        jax.block_until_ready(call())
        found.append((time.perf_counter() - start) / times)
    return min(found)


class Product(NamedTuple):
    """A convolution or matrix product: its operations, and elements read and written."""

    flops: int
    seen: int
    weights: int
    made: int


def products(function: Any, *arguments: Any) -> list[Product]:
    """Return the convolutions and products of a function, as platforms other than CPUs run it."""
    return list(walk(jax.make_jaxpr(function)(*arguments).jaxpr))


def walk(jaxpr: Any) -> Iterator[Product]:
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("conv_general_dilated", "dot_general"):
            x, w = (atom.aval for atom in eqn.invars)
            made = eqn.outvars[0].aval
            yield Product(2 * inner(eqn, w) * made.size, x.size, w.size, made.size)
        branches = eqn.params.get("branches")
        inside = [branches[-1]] if branches else list(eqn.params.values())
        for value in inside:
            program = getattr(value, "jaxpr", value)
            if hasattr(program, "eqns"):
                yield from walk(program)


def inner(eqn: Any, w: Any) -> int:
    """Return the multiply-adds of one output element."""
    if eqn.primitive.name == "conv_general_dilated":
        return math.prod(w.shape[:-1])
    (_, contracted), _ = eqn.params["dimension_numbers"]
    return math.prod(w.shape[axis] for axis in contracted)


def bound(found: list[Product], top: Ceilings, *, train: bool, fused: bool) -> float:
    """Return the least seconds of a bf16 step whose products are these.

    Each product takes as long as its operations or its traffic, whichever is longer; training has
    three of each but the first. `fused` leaves out the passes of batch norm and ReLU.
    """
    seconds = 0.0
    for i, one in enumerate(found):
        traffic = 2 * (one.seen + one.weights + one.made)
        alone = max(one.flops / top.flops, traffic / top.bandwidth)
        seconds += alone * ((3 if i else 2) if train else 1)
        if train and not fused:
            seconds += BN_PASSES * 2 * one.made / top.bandwidth
    return seconds
