"""Smaller learning rates for the layers nearer to the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.training.steps import steps_after


def layerwise_decay(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | str, decay: float = 0.75
) -> LayerwiseRates:
    """An optimizer that changes each layer by decay^k of its learning rate, k the number of steps after it.

    (ELECTRA, arXiv:2003.10555, appendix A; BEiT, arXiv:2106.08254, its fine-tuning; for CLIP arXiv:2212.06138.) In a CLIP the projections
    and the logit scale have the full rate, the last block of each encoder decay, the one before decay^2, the embeddings the smallest;
    see steps_after for what a step is. Weight decay is scaled with the rate, as in AdamW with a group a layer. Any Keras optimizer
    with its schedule, clipping, accumulation and moving average: `model.compile(layerwise_decay(model, AdamW(1e-5), 0.75))`.
    Freeze before, not after: the rates are those of the model's trainable variables, in their order.
    Raises ValueError unless 0 < decay <= 1, for a model without a graph, and for an optimizer that is in use or wraps others.
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be above 0 and at most 1, received {decay}")
    after = {id(variable): steps for layer, steps in steps_after(model).items() for variable in layer.weights}
    rates = [decay ** after.get(id(variable), 0) for variable in model.trainable_variables]
    return LayerwiseRates(keras.optimizers.get(optimizer), rates)


@keras.saving.register_keras_serializable("mmzoo")
class LayerwiseRates(keras.optimizers.Optimizer):
    """Gives each trainable variable its own share of another optimizer's learning rate, weight decay included.

    optimizer: a new one, from here on this one's part. rates: a factor for each trainable variable, in the order of
    model.trainable_variables. The state is the other optimizer's: iterations, learning_rate, variables.
    Raises ValueError for an optimizer that is in use or wraps others, and, when built, for another number of variables.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, rates: Sequence[float], name: str = "layerwise_rates"
    ) -> None:
        wrappers = (keras.optimizers.LossScaleOptimizer, keras.optimizers.MultiOptimizer, LayerwiseRates)
        if isinstance(optimizer, wrappers) or optimizer.built or "update_step" in vars(optimizer):
            raise ValueError(f"optimizer must be a new one that wraps no other, received {optimizer!r}")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = optimizer
        self.rates = tuple(float(rate) for rate in rates)
        self._plain_step = optimizer.update_step
        self._plain_decay = optimizer._apply_weight_decay
        self._plain_rate = optimizer._get_current_learning_rate
        self._factor = 1.0
        # Wrapping these three leaves clipping, accumulation, averages and distribution to the optimizer itself.
        optimizer.update_step = self._scaled_step
        optimizer._apply_weight_decay = self._scaled_decay
        optimizer._get_current_learning_rate = self._scaled_rate

    def build(self, variables: list[Any]) -> None:
        if len(variables) != len(self.rates):
            raise ValueError(
                f"the model must have the {len(self.rates)} trainable variables that the rates were made for, received "
                f"{len(variables)}: freeze first, then layerwise_decay, then compile"
            )
        if not self.built:
            self.inner_optimizer.build(variables)
            super().build(variables)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if not self.built and trainable_variables is not None:
            self.build(list(trainable_variables))
        self.inner_optimizer.apply(grads, trainable_variables)

    def _rate_of(self, variable: Any) -> float:
        return self.rates[self.inner_optimizer._get_variable_index(variable)]

    def _scaled_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self._plain_step(gradient, variable, learning_rate * self._rate_of(variable))

    def _scaled_decay(self, variables: list[Any]) -> None:
        for rate in sorted(set(self.rates)):
            self._factor = rate
            self._plain_decay([variable for variable in variables if self._rate_of(variable) == rate])
        self._factor = 1.0

    def _scaled_rate(self) -> Any:
        current = self._plain_rate()
        return current if self._factor == 1.0 else current * self._factor

    @property
    def variables(self) -> list[Any]:
        return self.inner_optimizer.variables

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def loss_scale_factor(self) -> Any:
        return self.inner_optimizer.loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: Any) -> None:
        if hasattr(self, "inner_optimizer"):  # else Keras's own constructor
            self.inner_optimizer.loss_scale_factor = value

    def finalize_variable_values(self, var_list: Any) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def set_weights(self, weights: Any) -> None:
        self.inner_optimizer.set_weights(weights)

    def save_own_variables(self, store: Any) -> None:
        """Nothing: Keras saves the inner optimizer as a part of this one."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing, as in saving."""

    def get_config(self) -> dict[str, Any]:
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {"optimizer": inner, "rates": list(self.rates), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LayerwiseRates:
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        return cls(optimizer, config["rates"], config["name"])
