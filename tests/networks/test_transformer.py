"""The Transformer against softmax attention written out in NumPy, and as a stream."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.networks import CausalTransformer, GRUCore

INPUTS, WIDTH, HEADS, CONTEXT = 3, 8, 2, 5


def transformer(layers: int = 2, context: int = CONTEXT) -> CausalTransformer:
    torch.manual_seed(4)
    return CausalTransformer(INPUTS, WIDTH, layers, HEADS, feedforward=12, context=context).double()


def stream(batch: int, steps: int) -> torch.Tensor:
    return torch.randn(batch, steps, INPUTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def dense(core: CausalTransformer, tokens: np.ndarray) -> np.ndarray:
    """(T, inputs) -> (T, width): every step against every other one, no memory, positions as rotation matrices."""
    x = linear(core.embedding, tokens)
    for block in core.blocks:
        query, key, value = np.split(linear(block.inputs, normed(block.attention_norm, x)), 3, axis=-1)
        read = [
            head(core, *(part[:, h * WIDTH // HEADS : (h + 1) * WIDTH // HEADS] for part in (query, key, value)))
            for h in range(HEADS)
        ]
        x = x + linear(block.outputs, np.concatenate(read, axis=-1))
        hidden = np.maximum(linear(block.feedforward[0], normed(block.feedforward_norm, x)), 0)
        x = x + linear(block.feedforward[2], hidden)
    return normed(core.norm, x)


def head(core: CausalTransformer, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    steps, size = query.shape
    scores = np.full((steps, steps), -np.inf)
    for i in range(steps):
        for j in range(max(0, i - core.context + 1), i + 1):
            scores[i, j] = query[i] @ rotation(core, j - i) @ key[j] / np.sqrt(size)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ value


def rotation(core: CausalTransformer, distance: int) -> np.ndarray:
    matrix = np.zeros((WIDTH // HEADS,) * 2)
    for pair, turns in enumerate(core.harmonics.tolist()):
        angle = np.pi * turns * distance / core.context
        rows = slice(2 * pair, 2 * pair + 2)
        matrix[rows, rows] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return matrix


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def normed(layer: torch.nn.LayerNorm, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + layer.eps)
    return scaled * layer.weight.detach().numpy() + layer.bias.detach().numpy()


@pytest.mark.parametrize("context", [1, 2, CONTEXT, 40])
@pytest.mark.parametrize("steps", [1, 4, 23])
def test_it_equals_dense_attention(context, steps):
    core, tokens = transformer(context=context), stream(2, steps)
    features, _ = core.advance(core.initial_state(2), tokens)
    for row in range(2):
        np.testing.assert_allclose(features[row].detach().numpy(), dense(core, tokens[row].numpy()), atol=1e-10)


@pytest.mark.parametrize("pieces", [[1] * 23, [4, 1, 12, 6], [9, 9, 5]])
@pytest.mark.parametrize("padded", [True, False])
def test_a_stream_in_pieces_equals_the_whole(pieces, padded):
    core, tokens = transformer(), stream(2, sum(pieces))
    whole, _ = core.advance(core.initial_state(2), tokens)
    state, parts = core.initial_state(2), []
    for piece in tokens.split(pieces, dim=1):
        state = core.padded(state) if padded else state
        part, state = core.advance(state, piece)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-12, rtol=1e-12)


def test_only_distances_inside_the_window_matter_however_old_the_stream_is():
    """One layer: the same last `context` tokens give the same feature after any number of others."""
    core = transformer(layers=1)
    recent = stream(1, CONTEXT)
    expected, _ = core.advance(core.initial_state(1), recent)
    for before in (1, 8, 1000):
        features, _ = core.advance(core.initial_state(1), torch.cat([torch.randn(1, before, INPUTS), recent], dim=1))
        torch.testing.assert_close(features[:, -1], expected[:, -1], atol=1e-10, rtol=1e-10)
    turned, _ = core.advance(core.initial_state(1), recent.flip(1)[:, [1, 2, 3, 4, 0]])
    assert (turned[:, -1] - expected[:, -1]).abs().max() > 1e-3, "the order of the others matters"


def test_what_an_unused_part_of_the_memory_holds_does_not_matter():
    core, tokens = transformer(), stream(1, 4)
    _, state = core.advance(core.initial_state(1), tokens[:, :2])
    state = core.padded(state)
    spoiled = state.map(lambda tensor: tensor.clone())
    for entries in spoiled.keys_values:
        entries[:, : CONTEXT - 1 - 2] = 100.0
    first, second = (core.advance(known, tokens[:, 2:])[0] for known in (state, spoiled))
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"heads": 3}, "multiple of 6"),
        ({"heads": 8}, "multiple of 16"),
        ({"layers": 0}, "layers=0"),
        ({"heads": 0}, "heads=0"),
        ({"context": 0}, "context=0"),
        ({"feedforward": 0}, "feedforward=0"),
        ({"width": 0}, "width=0"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ConfigurationError, match=message):
        CausalTransformer(INPUTS, **{"width": 8, "layers": 1, "heads": 2, "feedforward": 4, "context": 4, **sizes})


def test_a_foreign_state_is_refused():
    with pytest.raises(ShapeError, match="initial_state"):
        transformer().advance(GRUCore(3, 5).initial_state(1), stream(1, 1))
