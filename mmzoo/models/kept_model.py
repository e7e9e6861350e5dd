"""What every model that is made of encoders has in common: its config, and what its .keras file keeps besides weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from mmzoo.encoders.contract import read_assets, write_assets
from mmzoo.training.draws import load_draws, save_draws
from mmzoo.training.freezing import freeze_layers, frozen_layers

if TYPE_CHECKING:
    from keras import Model as _Model
else:
    _Model = (
        object  # Keras turns the keras.Model among a functional model's bases into another class, for all that share it
    )


class KeptModel(_Model):
    """Stands before keras.Model among the bases of a model with a tokenizer and an image_preprocessing.

    The .keras file keeps both, and where the model's draws are. serialized: keys of the config that are layers or models, or None.
    """

    serialized: ClassVar[tuple[str, ...]] = ()

    def add_layer_losses(self, loss: Any) -> Any:
        """A loss, and what the layers added."""
        return sum((ops.sum(ops.cast(added, loss.dtype)) for added in self.losses), loss)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "frozen": frozen_layers(self),
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        for key in (*cls.serialized, "dtype"):
            if config[key] is not None:
                config[key] = keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
        frozen = config.pop("frozen", [])
        model = cls(**config)
        freeze_layers(model, frozen)
        return model

    def save_own_variables(self, store: Any) -> None:
        """Keras calls it for a .keras file, and load_own_variables to read it: what is drawn in training goes on there."""
        super().save_own_variables(store)
        save_draws(self, store)

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(load_draws(self, store))

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json and preprocessing.json, where it has them; Keras calls it for a .keras file, export for a bundle."""
        write_assets(self, directory)

    def load_assets(self, directory: str | None) -> None:
        """Reads what save_assets wrote; Keras calls it, with None where that was nothing."""
        read_assets(self, directory)
