"""One optimizer for two that take turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


@keras.saving.register_keras_serializable("mmzoo")
class AdversarialOptimizer(keras.optimizers.Optimizer):
    """A generator's optimizer and a discriminator's, each with its own rate, schedule, clipping and accumulation.

    compile of a text-to-image model makes it, and prepare builds both sides: what is built is saved and resumed.
    learning_rate and iterations are the generator's; setting learning_rate keeps the ratio of the two rates that they were made
    with, which is what keras.callbacks that lower it mean. Where a side has a schedule, Keras refuses to set it.
    Raises ValueError for an optimizer that is in use, for its state belongs to another model, or one for both sides.
    """

    def __init__(self, generator: Any, discriminator: Any, name: str = "adversarial_optimizer") -> None:
        super().__init__(learning_rate=0.0, name=name)
        self.generator = keras.optimizers.get(generator)
        self.discriminator = keras.optimizers.get(discriminator)
        for side in (self.generator, self.discriminator):
            if side.built:
                raise ValueError(f"optimizer must be a new one, received {side.name!r}, which is in use")
        if self.generator is self.discriminator:
            raise ValueError(f"each side must have an optimizer of its own, received {self.generator.name!r} for both")
        self.built = False
        self._scaled_here = False
        self._ratio = _ratio(self.generator, self.discriminator)

    def prepare(self, generator: Sequence[Any], discriminator: Sequence[Any], *, scale_loss: bool) -> None:
        """Makes the state for both sides' variables, once; with scale_loss, as float16 needs it, their losses are scaled.

        Raises ValueError where that was done: a state is of the variables that it was made for.
        """
        if self.built:
            raise ValueError(
                "an AdversarialOptimizer must be prepared once: compile the model again for other variables"
            )
        if scale_loss and not isinstance(self.generator, keras.optimizers.LossScaleOptimizer):
            self._scaled_here = True
            self.generator = keras.optimizers.LossScaleOptimizer(self.generator)
            self.discriminator = keras.optimizers.LossScaleOptimizer(self.discriminator)
        self.generator.build(list(generator))
        self.discriminator.build(list(discriminator))
        self._trainable_variables = [*generator, *discriminator]  # what fit compares with the model's
        self.built = True

    def build(self, variables: Any) -> None:
        """Nothing more: Keras calls it with the variables of both sides, which prepare knows apart."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        raise TypeError("an AdversarialOptimizer's sides are applied one by one, in the step of a text-to-image model")

    @property
    def variables(self) -> list[Any]:
        return [*self.generator.variables, *self.discriminator.variables]

    @property
    def iterations(self) -> Any:
        return self.generator.iterations

    @property
    def learning_rate(self) -> Any:
        return self.generator.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if hasattr(self, "_ratio"):  # else Keras's own constructor
            self.generator.learning_rate = value
            self.discriminator.learning_rate = self._ratio * value

    def save_own_variables(self, store: Any) -> None:
        """Nothing: Keras saves both sides as parts of this one."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing, as in saving."""

    def get_config(self) -> dict[str, Any]:
        sides = {name: getattr(self, name) for name in ("generator", "discriminator")}
        return {
            name: keras.saving.serialize_keras_object(side.inner_optimizer if self._scaled_here else side)
            for name, side in sides.items()
        } | {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> AdversarialOptimizer:
        generator, discriminator = (
            keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("generator", "discriminator")
        )
        return cls(generator, discriminator, config["name"])


def _ratio(generator: Any, discriminator: Any) -> float:
    """Of the discriminator's rate to the generator's as they are now; 1 where a schedule has them, or the generator's is 0."""
    scheduled = any(
        isinstance(getattr(side, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule)
        for side in (generator, discriminator)
    )
    if scheduled or not float(generator.learning_rate):
        return 1.0
    return float(discriminator.learning_rate) / float(generator.learning_rate)
