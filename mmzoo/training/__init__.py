"""What fit cannot do alone. Takes any keras.Model."""

# Imported with the room, so that a saved model's optimizer is found again.
from mmzoo.training.layer_decay import LayerwiseRates, layerwise_decay

__all__ = ["LayerwiseRates", "layerwise_decay"]
