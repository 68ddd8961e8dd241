"""What keeps a checkout sound: `coursekit test` runs every guard, `coursekit doctor` examines a machine."""

from coursekit.upkeep.doctor import Finding, examine
from coursekit.upkeep.guards import run_guards
from coursekit.upkeep.requirements import environment_differences

__all__ = ["Finding", "environment_differences", "examine", "run_guards"]
