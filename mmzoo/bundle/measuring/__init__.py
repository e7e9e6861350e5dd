"""What a bundle costs to run: latency, throughput, peak memory and bytes of every artifact."""

from mmzoo.bundle.measuring.figures import MeasuredArtifact, Measurement, Timing
from mmzoo.bundle.measuring.rounds import measure

__all__ = ["MeasuredArtifact", "Measurement", "Timing", "measure"]
