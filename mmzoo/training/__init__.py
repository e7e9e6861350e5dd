"""What fit cannot do alone. Takes any keras.Model."""
