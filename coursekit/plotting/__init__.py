"""Figures of the course: functions take data and an optional `ax`, return the Axes, and never show anything.

Only `show` displays, and it asks for the sentence a reader who cannot see the figure needs.
Nothing here picks a matplotlib backend.
"""

from coursekit.plotting.attention import plot_attention
from coursekit.plotting.data import plot_evidence, plot_popularity, plot_similarity, plot_timeline
from coursekit.plotting.decisions import plot_bootstrap, plot_reliability, plot_roc, plot_thresholds
from coursekit.plotting.display import show
from coursekit.plotting.scores import plot_history, plot_intervals, plot_leaderboard, plot_metric_by
from coursekit.plotting.style import PALETTE, use_style

__all__ = [
    "PALETTE",
    "plot_attention",
    "plot_bootstrap",
    "plot_evidence",
    "plot_history",
    "plot_intervals",
    "plot_leaderboard",
    "plot_metric_by",
    "plot_popularity",
    "plot_reliability",
    "plot_roc",
    "plot_similarity",
    "plot_thresholds",
    "plot_timeline",
    "show",
    "use_style",
]
