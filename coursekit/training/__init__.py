"""The training loop of the course, written once.

It knows no model: anything with `loss(batch)` can be trained. It knows no data either: anything that can be
iterated once an epoch is a source of batches. What happens at certain moments is said by callbacks, not by
subclasses.
"""

from coursekit.training.adversarial import FGM
from coursekit.training.batches import batch_size, to_device
from coursekit.training.callbacks import Callback
from coursekit.training.layerwise import layerwise_adamw
from coursekit.training.options import TrainingOptions
from coursekit.training.schedules import warmup_linear
from coursekit.training.state import TrainingState
from coursekit.training.trainer import Trainer

__all__ = [
    "FGM",
    "Callback",
    "Trainer",
    "TrainingOptions",
    "TrainingState",
    "batch_size",
    "layerwise_adamw",
    "to_device",
    "warmup_linear",
]
