from __future__ import annotations

from support.told_runs import CONFIG

from gans.cli.report.settings import class_name, compared, differences

RECORDED = CONFIG | {
    "name": "toy",
    "sample_grid": {"count": 2, "every_n_epochs": 1},
    "best_checkpoint": {"monitor": "val/kid_lite0"},
    "trainer": {"max_epochs": 3, "log_every_n_steps": 10, "num_sanity_val_steps": 0},
}


def test_only_what_is_no_default_is_told() -> None:
    assert differences(RECORDED) == {
        "model.learning_rate": (0.0008, 0.0002),
        "data.size": (16, 256),
        "trainer.max_epochs": (3, None),
        "logger": ("csv", "wandb"),
        "sample_grid.count": (2, 8),
    }


def test_a_class_of_somebody_elses_has_no_defaults_that_we_know() -> None:
    config = {"model": {"class_path": "mine.Own", "init_args": {"width": 3}}}
    assert differences(config) == {"model.width": (3, None)}
    assert class_name(config, "model") == "Own"
    assert class_name({}, "model") == ""


def test_runs_are_compared_setting_by_setting() -> None:
    other = RECORDED | {"name": "other", "seed_everything": 1, "metrics": {"kernel": False}}
    assert compared([RECORDED, RECORDED, other]) == {
        "seed_everything": [0, 0, 1],
        "metrics.kernel": [None, None, False],
    }
