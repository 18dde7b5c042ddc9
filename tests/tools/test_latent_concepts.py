from __future__ import annotations

import pytest
import torch
from support.latent_models import Faces

from datamodules.images.module import Images
from gans.cli.errors import UsageError
from gans.tools.latents.concepts import Concept, arithmetic, chosen_concept, direction, find_concept
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.probe import accuracy, labelled_images, rivals, train_probe

close = torch.testing.assert_close


@pytest.fixture(scope="module")
def data() -> Images:
    return Images(size=32, faces_count=400, test_count=80)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(Faces())


@pytest.fixture(scope="module")
def glasses(decoder: Decoder, data: Images) -> Concept:
    return find_concept(decoder, data, "glasses", samples=300)


@pytest.mark.parametrize(("name", "least"), [("glasses", 0.95), ("blond_hair", 0.95), ("dark_skin", 0.95)])
def test_the_probe_tells_attributes_of_faces_it_has_not_seen(data: Images, name: str, least: float) -> None:
    right, saying_no, count = accuracy(train_probe(data, name), data, name)
    assert count == 80
    assert saying_no < 0.9
    assert right >= least


def test_an_image_shows_one_of_those_that_exclude_each_other(data: Images) -> None:
    probe = train_probe(data, "red_hair")
    assert len(probe.names) == 4
    images, _ = labelled_images(data, "test", probe.names)
    shown = torch.stack([probe.margins(images, name) > 0 for name in probe.names])
    close(shown.sum(0), torch.ones(80, dtype=torch.int64))


def test_classes_of_the_data_are_concepts_too() -> None:
    data = Images(size=16, faces_count=200, test_count=40, labels="skin")
    assert rivals(data, "dark_skin") == ["light_skin", "dark_skin"]
    renamed = Images(size=16, faces_count=200, test_count=40, labels="glasses")
    assert rivals(renamed, "no_glasses") == ["no_glasses", "glasses"]
    _, truth = labelled_images(renamed, "test", ["no_glasses", "glasses"])
    close(truth[:, 1], torch.from_numpy(renamed.attribute_table(["glasses"], "test"))[:, 0].double())


def test_an_unknown_concept_is_refused(decoder: Decoder, data: Images) -> None:
    with pytest.raises(ValueError, match="no attribute 'hat'"):
        find_concept(decoder, data, "hat")


def test_the_samples_are_told_apart_by_what_they_show(decoder: Decoder, glasses: Concept) -> None:
    truly = decoder.latents(range(300))[:, 0] > 0
    said = torch.zeros(300, dtype=torch.bool)
    said[glasses.present] = True
    assert sorted(glasses.present + glasses.absent) == list(range(300))
    assert (said == truly).double().mean() > 0.9
    assert (truly[glasses.present[:10]]).all(), "the clearest come first"
    assert not (truly[glasses.absent[:10]]).any()


def test_the_direction_is_the_axis_that_glasses_hang_on(decoder: Decoder, glasses: Concept) -> None:
    way = glasses.direction(decoder)
    assert way[0] / way.norm() > 0.97
    assert 1.3 < way[0] < 1.9, "twice the mean of half a normal distribution is 1.6"


def test_samples_moved_along_the_direction_put_glasses_on_and_off(decoder: Decoder, glasses: Concept) -> None:
    sheet = direction(decoder, glasses, seeds=range(5), steps=(-3.0, 0.0, 3.0))
    close(sheet.latents[:, 1], decoder.latents(range(5)))
    close(sheet.latents[:, 2] - sheet.latents[:, 1], 3 * glasses.direction(decoder).expand(5, 3))
    assert (sheet.latents[:, 2, 0] > 0).all()
    assert (sheet.latents[:, 0, 0] < 0).all()


def test_the_findings_tell_how_well_probe_and_direction_work(decoder: Decoder, glasses: Concept) -> None:
    probe, count, effect = direction(decoder, glasses).findings
    assert "of 80 held-out images (always no:" in probe
    assert f"finds glasses in {len(glasses.present)} of 300 samples" in count
    before, after, back = (int(part.split()[-1]) for part in effect.split("%")[:3])
    assert 40 < before < 60
    assert after > 80
    assert back < 20


def test_arithmetic_sets_single_exemplars_beside_means(decoder: Decoder) -> None:
    concept = Concept("glasses", present=[1, 2, 3, 4, 5], absent=[6, 7, 8])
    sheet = arithmetic(decoder, concept, onto=[9, 10])
    a, b, c = decoder.latents([1, 2]), decoder.latents([6, 7]), decoder.latents([9, 10])
    way = decoder.latents(range(1, 6)).mean(0) - decoder.latents([6, 7, 8]).mean(0)
    close(sheet.latents[:2], torch.stack([a, b, c, a - b + c, way + c], dim=1))
    close(sheet.latents[2, 0], decoder.latents(range(1, 6)).mean(0))
    close(sheet.latents[2, 3], way + c.mean(0))
    assert sheet.rows == ["seeds 1 6 9", "seeds 2 7 10", "means of 5, 3 and 2"]


def test_exemplars_are_chosen_where_none_are_named(decoder: Decoder, glasses: Concept) -> None:
    sheet = arithmetic(decoder, glasses, exemplars=3)
    used = [*glasses.present[:3], *glasses.absent[:6]]
    assert len(set(used)) == 9, "no face is b and c at once"
    close(sheet.latents[:3, 2], decoder.latents(glasses.absent[3:6]))
    assert sheet.rows[-1] == "means of 3, 3 and 3", "the means of all would lie near 0"
    close(sheet.latents[3, 0], decoder.latents(glasses.present[:3]).mean(0))


def test_too_few_samples_with_the_concept_are_refused(decoder: Decoder, data: Images) -> None:
    with pytest.raises(ValueError, match=r"By the probe \d+ of 12 samples show glasses; 8 are needed"):
        find_concept(decoder, data, "glasses", samples=12)


def test_too_few_exemplars_are_refused(decoder: Decoder) -> None:
    with pytest.raises(ValueError, match="3 exemplars of each kind are wanted, but there are 2 of concept"):
        arithmetic(decoder, chosen_concept([1, 2], [3, 4]), onto=[5, 6, 7])


@pytest.mark.parametrize(("present", "absent", "said"), [([1], [2, 3], "--plus 1:"), ([1, 2], [], "--minus")])
def test_one_exemplar_is_no_mean(present: list[int], absent: list[int], said: str) -> None:
    with pytest.raises(UsageError, match=f"{said}.*two seeds or more are needed"):
        chosen_concept(present, absent)


def test_seeds_named_by_hand_need_something_to_be_put_onto(decoder: Decoder) -> None:
    concept = chosen_concept([1, 2], [3, 4])
    with pytest.raises(UsageError, match="need --onto"):
        arithmetic(decoder, concept)
    with pytest.raises(UsageError, match="One exemplar is its own mean"):
        arithmetic(decoder, concept, onto=[5])


def test_a_step_that_occurs_twice_is_refused(decoder: Decoder) -> None:
    with pytest.raises(UsageError, match="--steps"):
        direction(decoder, chosen_concept([1, 2], [3, 4]), steps=[1.0, 1.0])
