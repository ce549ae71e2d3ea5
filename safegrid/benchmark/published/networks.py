"""Networks as published policies: multilayer perceptrons with a known output and activation."""

import math
from typing import Any, Literal

import numpy as np

from safegrid.benchmark.published import tables
from safegrid.benchmark.published.tables import Tensors
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import Record
from safegrid.engine.observations import make_encoder
from safegrid.training import arithmetic, local_view, mlp

OUTPUTS: dict[str, type[mlp.Network]] = {
    "greedy": mlp.Network,
    "softmax": mlp.Stochastic,
    "squashed": mlp.Squashed,
    "normal": mlp.Gaussian,
    "local": local_view.LocalNetwork,
}
MOST_LAYERS, MOST_UNITS = 8, 2**12  # of a network
ACTIVATIONS: dict[str, Any] = {"tanh": arithmetic.tanh, "relu": mlp.relu}


class NetworkFormat(Record):
    """A multilayer perceptron: see `mlp.Network`, and `local_view.LocalNetwork` for "local"."""

    kind: Literal["mlp"] = "mlp"
    output: Literal["greedy", "softmax", "squashed", "normal", "local"]
    activation: Literal["tanh", "relu"]


def load(form: NetworkFormat, tensors: Tensors) -> mlp.Network:
    """The network with these tensors."""
    return OUTPUTS[form.output].load(tensors, ACTIVATIONS[form.activation])


def check(form: NetworkFormat, tensors: Tensors, dynamics: Dynamics) -> None:
    """ValueError for tensors that are not a network of the level: names, types, shapes, values."""
    network, actions = OUTPUTS[form.output], len(dynamics.actions)
    if network.observation not in dynamics.observation_kinds:
        raise ValueError(f"a network with output {form.output} cannot play {dynamics.name}")
    if tables.are_listed(dynamics):
        raise ValueError(f"a network is not for {dynamics.name}, whose boards are listed: a table")
    shape = make_encoder(dynamics, network.observation).space.shape or ()
    size = local_view.size(*shape) if form.output == "local" else math.prod(shape)
    extra: dict[str, Any] = {
        "mean": (np.float64, (size,)),
        "scale": (np.float64, (size,)),
        "deviation": (np.float32, (actions,)),
        "view": (np.int64, (4,)),
    }
    expected = {name: extra[name] for name in network.extra}
    layers, odd = divmod(len(tensors) - len(expected), 2)
    if layers > MOST_LAYERS:
        raise ValueError(f"it has {layers} layers: a network has at most {MOST_LAYERS}")
    for layer in range(layers):
        bias = tensors.get(f"{layer}.bias")
        outputs = actions if layer == layers - 1 else 1 if bias is None else bias.size
        if not 0 < outputs <= MOST_UNITS:
            raise ValueError(f"layer {layer} has {outputs} units: choose 1 to {MOST_UNITS:,}")
        expected[f"{layer}.weight"] = np.float32, (outputs, size)
        expected[f"{layer}.bias"] = np.float32, (outputs,)
        size = outputs
    if odd or layers < 1 or set(tensors) != set(expected):
        raise ValueError(f"a network of {max(1, layers)} layers has {', '.join(expected)}")
    tables.check_arrays(tensors, expected)
    if "scale" in tensors and not (tensors["scale"] > 0).all():
        raise ValueError("scale has a number that is not above 0")
    if "view" in tensors and tensors["view"].tolist() != [dynamics.spec.tiles.index("A"), *shape]:
        raise ValueError("view is not that of the level")
