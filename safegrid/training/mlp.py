"""Multilayer perceptrons: trained policies are loaded and played without torch.

An observation has the same outputs, bit by bit, on every processor and in every batch, because all
sums and functions are those of `arithmetic`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from safegrid.training.arithmetic import Affine, normal_quantile, softmax, tanh

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]  # weight [outputs, inputs], bias


def relu(values: Any) -> Any:
    """The rectified linear unit: max(value, 0)."""
    return np.maximum(values, 0)


def flat(observations: NDArray[Any], size: int) -> NDArray[np.float32]:
    """float32[n, size]: observations as a network takes them. ValueError for another size."""
    values = observations.reshape(len(observations), -1).astype(np.float32)
    if values.shape[1] != size:
        raise ValueError(
            f"the policy was trained on observations of {size} numbers and these have "
            f"{values.shape[1]}: choose a level of the same shape"
        )
    return values


class Network:
    """A multilayer perceptron on one-hot boards, which takes the action of the highest output.

    layers: weights [outputs, inputs] and biases [outputs]. activation: between the layers.
    """

    observation = "planes"
    mode = "deterministic"
    memory = False
    extra: tuple[str, ...] = ()  # names of tensors besides the layers

    def __init__(self, layers: Sequence[Layer], activation: Callable[[Any], Any] = tanh):
        self.layers, self.activation = list(layers), activation
        self._affine = [Affine(*layer) for layer in self.layers]

    @classmethod
    def load(
        cls, tensors: Mapping[str, NDArray[Any]], activation: Callable[[Any], Any] = tanh
    ) -> Self:
        """The network with the tensors that `tensors` returned. activation: between layers."""
        count = len(tensors) // 2
        return cls(
            [(tensors[f"{i}.weight"], tensors[f"{i}.bias"]) for i in range(count)], activation
        )

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, actions]: of the last layer. ValueError for observations of another size."""
        values = flat(observations, self.layers[0][0].shape[1])
        *hidden, last = self._affine
        for layer in hidden:
            values = self.activation(layer(values))
        return last(values)

    def probabilities(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the action of the highest output."""
        outputs = self.outputs(observations)
        chosen: NDArray[np.float64] = np.eye(outputs.shape[1])[outputs.argmax(axis=1)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Of layer i from 0: `i.weight` float32[outputs, inputs] and `i.bias` float32[outputs]."""
        return {
            f"{i}.{part}": tensor
            for i, layer in enumerate(self.layers)
            for part, tensor in zip(("weight", "bias"), layer, strict=True)
        }


class Stochastic(Network):
    """A network that draws actions with the softmax of its outputs as probabilities."""

    mode = "stochastic"

    def probabilities(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """float64[n, actions]: the softmax of the outputs."""
        return softmax(self.outputs(observations))


class Normalised(Network):
    """A network for continuous tasks, on normalised vectors: (vector - mean) / scale.

    layers, activation: as of Network. extra: the tensors that `extra` names.
    """

    observation = "vector"
    extra: tuple[str, ...] = ("mean", "scale")

    def __init__(
        self, layers: Sequence[Layer], activation: Callable[[Any], Any], **extra: NDArray[Any]
    ):
        super().__init__(layers, activation)
        self.extra_tensors = extra

    @classmethod
    def load(
        cls, tensors: Mapping[str, NDArray[Any]], activation: Callable[[Any], Any] = tanh
    ) -> Self:
        """The network with the tensors that `tensors` returned. activation: between layers."""
        layers = {name: tensor for name, tensor in tensors.items() if name not in cls.extra}
        extra = {name: tensors[name] for name in cls.extra}
        return cls(Network.load(layers).layers, activation, **extra)

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, numbers]: of the last layer. ValueError for observations of another size."""
        mean, scale = self.extra_tensors["mean"], self.extra_tensors["scale"]
        if observations.shape[1:] == mean.shape:
            observations = (observations - mean) / scale
        return super().outputs(observations)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of Network, and `mean` and `scale` float64[numbers of an observation].

        A Gaussian's also `deviation` float32[numbers of an action].
        """
        return {**super().tensors(), **self.extra_tensors}


class Squashed(Normalised):
    """A network for continuous tasks whose actions are the hyperbolic tangent of its outputs."""

    def act(self, observations: NDArray[Any], chance: Any) -> NDArray[np.float32]:
        """float32[n, numbers], each from -1 to 1; `chance` is not used."""
        return tanh(self.outputs(observations))


class Gaussian(Normalised):
    """A network for continuous tasks whose actions are normal, clipped to -1 and 1.

    Its outputs are the means; the standard deviations are the same in all observations.
    """

    mode = "stochastic"
    extra = ("mean", "scale", "deviation")

    def act(self, observations: NDArray[Any], chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, numbers]: quantiles `chance` [n, numbers] of the normal distributions."""
        noise = self.extra_tensors["deviation"] * normal_quantile(chance)
        actions: NDArray[np.float64] = np.clip(self.outputs(observations) + noise, -1, 1)
        return actions


def actor(tensors: Mapping[str, NDArray[Any]], discrete: type[Network]) -> Network:
    """The policy with the tensors that `sb3_training.actor` returned.

    A Gaussian for a continuous task, else an instance of the class `discrete`.
    """
    return (Gaussian if "deviation" in tensors else discrete).load(tensors)
