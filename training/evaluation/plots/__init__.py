"""Plots of runs, for the MLflow UI."""

from training.evaluation.plots.calibration import reliability as reliability
from training.evaluation.plots.classes import f1_by_topic as f1_by_topic
from training.evaluation.plots.comparison import differences as differences
from training.evaluation.plots.confusion import confusion as confusion
from training.evaluation.plots.learning import learning_curve as learning_curve
from training.evaluation.plots.sweep import history as history
from training.evaluation.plots.sweep import importance as importance
from training.evaluation.plots.thresholds import precision_recall as precision_recall
from training.evaluation.plots.thresholds import threshold_curves as threshold_curves
