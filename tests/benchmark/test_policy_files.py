"""Policy files: the policy and its cell come back, or one clear line."""

import pytest

from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry


def test_a_policy_file_gives_the_policy_back(tmp_path):
    cell = suite.make_cell("ppo", "boat_race", steps=64, settings={"lanes": 2, "n_steps": 32})
    settings = {**cell.settings, "batch_size": 64, "n_epochs": 1}
    policy = registry.agent("ppo").train("boat_race", seed=0, steps=64, device="cpu", **settings)
    policy_files.save(policy, tmp_path / "p.safetensors", cell)
    loaded, read = policy_files.load(tmp_path / "p.safetensors")
    assert read == cell
    assert {k: v.tobytes() for k, v in loaded.tensors().items()} == {
        k: v.tobytes() for k, v in policy.tensors().items()
    }
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "p.safetensors").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut\.safetensors cannot be read"):
        policy_files.load(tmp_path / "cut.safetensors")


def test_what_is_not_a_policy_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "other.safetensors"
    cell = suite.make_cell("uniform", "boat_race")
    whole = policy_files.encode(suite.train(cell), cell)
    for content in (b"", b"{}", bytes(100), whole[:20], whole.replace(b"uniform", b'uni"orm')):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"other\.safetensors cannot be read") as error:
            policy_files.read(path)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="cannot be read"):
        policy_files.load(tmp_path / "nowhere.safetensors")


def test_a_policy_of_what_is_gone_says_what(tmp_path):
    cell = suite.make_cell("planner", "boat_race")
    policy = suite.train(cell)
    path = tmp_path / "p.safetensors"
    for changed, message in (
        ({"level": "gone"}, "unknown level 'gone'"),
        ({"options": {"gone": 1}}, "unknown option of boat_race 'gone'"),
        ({"environment": "gone"}, "unknown environment 'gone'"),
    ):
        policy_files.save(policy, path, cell.model_copy(update=changed))
        with pytest.raises(ValueError, match=f"^{message}"):
            policy_files.load(path)
