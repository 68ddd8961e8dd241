"""Tables that took too long to make in a lesson, with who made them, when and how."""

from coursekit.results.tables import origin as origin
from coursekit.results.tables import record_results as record_results
from coursekit.results.tables import recorded_results as recorded_results
