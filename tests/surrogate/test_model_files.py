"""A saved model is loaded by one call and computes the same; damaged files are named in one line."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from glasma.errors import FileError
from surrogate import LCNN, load_model, save_model
from surrogate.groups import random_elements
from surrogate.model_files import read_card


@pytest.fixture
def model():
    return LCNN(
        group="SU(3)", channels=(3, 2), complex_weights=True, activation="tanh", mix_invariants=True, head=(4,)
    ).double()


def test_round_trip(model, tmp_path, generator):
    path = save_model(model, tmp_path / "loops.safetensors", {"beta": 5.7}, {"mse": 1e-9}, "for the test")
    U = random_elements("SU(3)", (2, 2, 3, 4), generator)
    loaded = load_model(path)
    assert torch.equal(loaded(U), model(U))
    assert not loaded.training
    assert loaded.config == model.config
    card = read_card(path)
    assert card == loaded.card == json.loads((tmp_path / "loops.json").read_text(encoding="utf-8"))
    assert (card["group"], card["dimensions"]) == ("SU(3)", 2)
    assert (card["training_data"], card["metrics"], card["notes"]) == ({"beta": 5.7}, {"mse": 1e-9}, "for the test")
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert {"versions", "commit", "config"} <= set(card)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loops.json", "loops.safetensors"]


def damaged_cases(path, model):
    whole, card = path.read_bytes(), read_card(path)
    yield whole[: len(whole) // 2], "is not a whole safetensors file"
    yield b"", "is not a whole safetensors file"
    tensors = dict(model.state_dict())
    for change, message in [
        ({"format": "other"}, "its format is 'other'"),
        ({"architecture": "GPT"}, "its architecture is 'GPT', known are LCNN"),
        ({"config": {**card["config"], "channels": [3, 3]}}, "weights and card do not fit"),
        ({"config": {**card["config"], "colour": 3}}, "colour: is not a key"),
        ({"precision": "float63"}, "weights and card do not fit"),
    ]:
        save_file(tensors, path, {"card": json.dumps({**card, **change})})
        yield path.read_bytes(), message
    save_file(tensors, path)
    yield path.read_bytes(), "has no model card"


def test_damaged_files_are_named_in_one_line(model, tmp_path):
    path = save_model(model, tmp_path / "m.safetensors")
    for content, message in damaged_cases(path, model):
        path.write_bytes(content)
        with pytest.raises(FileError, match=message) as caught:
            load_model(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(FileError, match="is missing"):
        load_model(path)
