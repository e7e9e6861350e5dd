import numpy as np
import pytest

from mmzoo.data.scenes.captioning import all_captions
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.source import shapes


def test_pictures_captions_labels_and_truth_belong_together():
    pairs = shapes(40, "test")
    assert pairs.images.shape == (40, 32, 32, 3)
    assert pairs.label_names == all_captions("en")
    for image, captions, label, scene in zip(pairs.images, pairs.captions, pairs.labels, pairs.truth, strict=True):
        np.testing.assert_array_equal(image, render(scene, 32))
        assert captions[0] == pairs.label_names[label]
        assert len(captions) == len(set(captions)) == 8


def test_a_picture_does_not_depend_on_how_many_there_are():
    few, many = shapes(5, objects=(1, 3)), shapes(9, objects=(1, 3))
    np.testing.assert_array_equal(few.images, many.images[:5])
    assert few.captions == many.captions[:5]


def test_the_size_of_the_picture_does_not_change_the_scene():
    assert shapes(5, image_size=64).truth == shapes(5).truth


def test_several_objects_have_no_label():
    pairs = shapes(3, objects=(2, 3))
    assert pairs.labels is None
    assert pairs.label_names == ()


def test_one_language_alone():
    pairs = shapes(3, languages=("zh",))
    assert pairs.label_names == all_captions("zh")
    assert all(len(captions) == 4 for captions in pairs.captions)


def test_tagged_captions_say_the_language_they_are_in():
    plain, tagged = shapes(3), shapes(3, tagged=True)
    assert tagged.captions == plain.captions
    said = [[caption.language for caption in captions] for captions in tagged.captions]
    assert said == [["en"] * 4 + ["zh"] * 4] * 3
    assert not any(hasattr(caption, "language") for captions in plain.captions for caption in captions)


def test_sizes_and_upright_shapes_survive_augmentation():
    augment = shapes(1).augment
    assert (augment.crop, augment.rotate, augment.flip) == ((1.0, 1.0), 0.0, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be at least 1, received 0"),
        ({"split": "validation"}, "split must be one of train, test, held_out, received 'validation'"),
        ({"seed": -1}, "seed must be at least 0, received -1"),
        ({"objects": (2, 4)}, r"objects must be \(least, most\) within 1 to 3, received \(2, 4\)"),
        ({"objects": (2, 1)}, "objects must be"),
        ({"languages": ()}, "languages must be different ones of en, zh"),
        ({"languages": ("en", "en")}, "languages must be different ones of en, zh"),
        ({"languages": "en"}, "languages must be different ones of en, zh, received 'en'"),
        ({"languages": ("fr",)}, "language must be one of en, zh, received 'fr'"),
        ({"image_size": 4}, "image_size must be at least 16, received 4"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(**{"count": 1, **options})
