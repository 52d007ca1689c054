"""Trained models for others: a card that says what a model is, and a repository on the Hugging Face Hub."""

from mbrl_mts3.sharing.model_card import model_card_text, write_model_card
from mbrl_mts3.sharing.publish import push_to_hub, write_shared_folder

__all__ = ["model_card_text", "push_to_hub", "write_model_card", "write_shared_folder"]
