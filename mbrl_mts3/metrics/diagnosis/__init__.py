"""How far a model is from the true simulator, and whether its uncertainty tells where."""

from mbrl_mts3.metrics.diagnosis.model_diagnosis import ModelDiagnosis, Suggestion
from mbrl_mts3.metrics.diagnosis.rollout_errors import RolloutErrors, StepErrors
from mbrl_mts3.metrics.diagnosis.uncertainty_ranking import QUANTILES, Cut, RankCorrelation, cut_rollouts

__all__ = [
    "QUANTILES",
    "Cut",
    "ModelDiagnosis",
    "RankCorrelation",
    "RolloutErrors",
    "StepErrors",
    "Suggestion",
    "cut_rollouts",
]
