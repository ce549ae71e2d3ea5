"""What a trained network does, in NumPy: policies are read and played without torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]  # weight [outputs, inputs], bias


def relu(values: Any) -> Any:
    """What is above zero."""
    return np.maximum(values, 0)


def flat(observations: NDArray[Any], size: int) -> NDArray[np.float32]:
    """[n, size] observations as a network takes them. ValueError for those of another size."""
    values = observations.reshape(len(observations), -1).astype(np.float32)
    if values.shape[1] != size:
        raise ValueError(
            f"the policy was trained on observations of {size} numbers and these have "
            f"{values.shape[1]}: choose a level of the same shape"
        )
    return values


class Network:
    """A multilayer perceptron on one-hot boards; its policy is the action of the highest output."""

    observation = "planes"
    mode = "deterministic"
    memory = False

    def __init__(self, layers: Sequence[Layer], activation: Callable[[Any], Any] = np.tanh):
        self.layers, self.activation = list(layers), activation

    @classmethod
    def load(
        cls, tensors: Mapping[str, NDArray[Any]], activation: Callable[[Any], Any] = np.tanh
    ) -> Self:
        """The network whose `tensors` these are."""
        count = len(tensors) // 2
        return cls(
            [(tensors[f"{i}.weight"], tensors[f"{i}.bias"]) for i in range(count)], activation
        )

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """[n, actions] of the last layer. ValueError for observations of another size."""
        values = flat(observations, self.layers[0][0].shape[1])
        for weight, bias in self.layers[:-1]:
            values = self.activation(values @ weight.T + bias)
        weight, bias = self.layers[-1]
        return values @ weight.T + bias  # type: ignore[no-any-return]

    def probabilities(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """[n, actions], 1 for the action with the highest output."""
        outputs = self.outputs(observations)
        chosen: NDArray[np.float64] = np.eye(outputs.shape[1])[outputs.argmax(axis=1)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights and biases by the number of their layer."""
        return {
            f"{i}.{part}": tensor
            for i, layer in enumerate(self.layers)
            for part, tensor in zip(("weight", "bias"), layer, strict=True)
        }


class Stochastic(Network):
    """A network whose policy draws actions with the probabilities that its outputs stand for."""

    mode = "stochastic"

    def probabilities(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """[n, actions] the softmax of the outputs."""
        outputs = self.outputs(observations).astype(np.float64)
        weights = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


class Normalised(Network):
    """A network for continuous tasks, on vectors less their mean and over their deviation."""

    observation = "vector"
    extra: tuple[str, ...] = ("mean", "scale")  # tensors besides the layers

    def __init__(
        self, layers: Sequence[Layer], activation: Callable[[Any], Any], **extra: NDArray[Any]
    ):
        super().__init__(layers, activation)
        self.given = extra

    @classmethod
    def load(
        cls, tensors: Mapping[str, NDArray[Any]], activation: Callable[[Any], Any] = np.tanh
    ) -> Self:
        """The network whose `tensors` these are."""
        layers = {name: tensor for name, tensor in tensors.items() if name not in cls.extra}
        given = {name: tensors[name] for name in cls.extra}
        return cls(Network.load(layers).layers, activation, **given)

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """[n, numbers] of the last layer. ValueError for observations of another size."""
        size = len(self.given["mean"])
        if observations.shape[1:] == (size,):
            observations = (observations - self.given["mean"]) / self.given["scale"]
        return super().outputs(observations)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights and biases by the number of their layer, and the `extra` ones."""
        return {**super().tensors(), **self.given}


class Squashed(Normalised):
    """Its policy is the hyperbolic tangent of its outputs."""

    def act(self, observations: NDArray[Any], chance: Any) -> NDArray[np.float32]:
        """[n, numbers], each from -1 to 1."""
        return np.tanh(self.outputs(observations))  # type: ignore[no-any-return]


class Gaussian(Normalised):
    """Its policy is normal about its outputs, cut to -1 and 1."""

    mode = "stochastic"
    extra = ("mean", "scale", "deviation")

    def act(self, observations: NDArray[Any], chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, numbers], the quantile of each that its chance says."""
        from scipy.special import ndtri

        spread = self.given["deviation"] * ndtri(chance)
        actions: NDArray[np.float64] = np.clip(self.outputs(observations) + spread, -1, 1)
        return actions


def actor(tensors: Mapping[str, NDArray[Any]], discrete: type[Network]) -> Network:
    """The policy of an actor: Gaussian for a continuous task, else of the kind given."""
    return (Gaussian if "deviation" in tensors else discrete).load(tensors)
