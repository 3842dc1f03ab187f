"""What published data sets are made of, seen in small folders of their layout."""

import logging

import numpy as np
import pytest

from autrainer.data.targets import (
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)
from autrainer.datasets import (
    AIBO,
    EDANSA2019,
    AudioSet,
    DCASE2016Task1,
    DCASE2018Task3,
    DCASE2020Task1A,
    EmoDB,
    MSPPodcast,
    SpeechCommands,
)
from autrainer.errors import ConfigError, CorruptFileError, DataError
from tests.datasets.corpora.layouts import (
    CLASSES,
    COMMON,
    LABELS,
    NUMBERS,
    aibo,
    audio_set,
    birds,
    edansa,
    emo_db,
    first_features,
    folds,
    is_sound,
    podcasts,
    scenes,
    words,
)


def build(kind, folder, index, target, **more):
    given = {"path": str(folder), "features_subdir": None, "index_column": index}
    return kind(**{**given, "target_column": target, **COMMON, **CLASSES, **more})


def names_of(dataset, column):
    frames = (dataset.df_train, dataset.df_dev, dataset.df_test)
    return [frame[column].tolist() for frame in frames]


@pytest.mark.parametrize("task", ["2cl", "5cl"])
def test_aibo_splits_by_school_and_speaker(tmp_path, task):
    dataset = build(AIBO, aibo(tmp_path, task), "file", "class", aibo_task=task)
    assert [{name[:6] for name in names} for names in names_of(dataset, "file")] == [
        {"Ohm_01", "Ohm_02"},
        {"Ohm_03", "Ohm_04"},
        {"Mont_0"},
    ]
    assert dataset.df_dev["speaker"].tolist() == ["03", "03", "04", "04"]
    assert dataset.df_dev.index.tolist() == [0, 1, 2, 3]
    assert dataset.audio_subdir == "wav"
    assert isinstance(dataset.target_transform, LabelEncoder)
    assert all(map(is_sound, first_features(dataset)))


def test_aibo_finds_audio_in_the_folder_of_its_configurations_too(tmp_path):
    (aibo(tmp_path) / "wav").rename(tmp_path / "default")
    assert build(AIBO, tmp_path, "file", "class").audio_subdir == "default"


def test_aibo_says_what_is_wrong(tmp_path):
    with pytest.raises(ConfigError, match=r"aibo_task is '3cl'; use one of '2cl', '5cl'"):
        build(AIBO, aibo(tmp_path), "file", "class", aibo_task="3cl")
    with pytest.raises(DataError, match="given out on request only"):
        AIBO.download(str(tmp_path / "none"))
    assert AIBO.download(str(tmp_path)) is None
    (tmp_path / "chunk_labels_2cl_corpus.txt").write_text("Ohm_01_1 NEG 0.5\nOhm NEG\n")
    with pytest.raises(CorruptFileError, match="line 2: expected id, class and confidence"):
        build(AIBO, tmp_path, "file", "class").df_train  # noqa: B018


def built_audio_set(folder, **more):
    arguments = {**COMMON, **LABELS, **more}
    return AudioSet(path=str(folder), features_subdir=None, index_column="filename", **arguments)


@pytest.mark.parametrize("suffix", ["", "_segments"])
def test_clips_of_audio_set_have_all_categories_above_theirs(tmp_path, suffix):
    dataset = built_audio_set(audio_set(tmp_path, suffix))
    train = dataset.df_train
    assert train["filename"].tolist() == [f"balanced_train{suffix}/{clip}.wav" for clip in "ab"]
    assert train["categories"].tolist() == [
        ["Animal", "Dog", "Bark"],
        ["Animal", "Music", "Bird", "Drum"],
    ]
    assert train[["Animal", "Music", "Bark"]].to_numpy().tolist() == [[1, 0, 1], [1, 1, 0]]
    assert all(map(is_sound, first_features(dataset)))


def test_targets_of_audio_set_occur_in_train_and_dev_and_come_in_order(tmp_path):
    dataset = built_audio_set(audio_set(tmp_path))
    assert dataset.ontology.names == ["Animal", "Music", "Bird", "Dog", "Drum", "Bark"]
    assert dataset.target_column == ["Animal", "Music", "Dog", "Drum", "Bark"]
    assert isinstance(dataset.target_transform, MultiLabelEncoder)
    assert dataset.train_dataset[0].target.tolist() == [1, 0, 1, 0, 1]


def test_audio_set_trains_on_the_unbalanced_segments_too(tmp_path):
    dataset = built_audio_set(audio_set(tmp_path), use_unbalanced=True)
    assert dataset.df_train["filename"].str[-5].tolist() == ["a", "b", "c", "d"]
    assert dataset.df_train.index.tolist() == [0, 1, 2, 3]
    assert is_sound(dataset.train_dataset[3].features)


@pytest.mark.parametrize(
    ("choice", "clips"),
    [
        ({"include": ["Dog"]}, ["a", "d"]),
        ({"include": ["Music"]}, ["b", "c"]),
        ({"exclude": ["Drum"]}, ["a", "d"]),
        ({"include": ["Animal"], "exclude": ["Bark"]}, ["b", "d"]),
    ],
)
def test_categories_of_audio_set_are_included_and_excluded_with_those_below(
    tmp_path, choice, clips
):
    more = {"use_unbalanced": True, "target_column": ["Animal", "Music"], **choice}
    dataset = built_audio_set(audio_set(tmp_path), **more)
    assert dataset.df_train["filename"].str[-5].tolist() == clips


def test_audio_set_says_what_is_missing(tmp_path, caplog):
    folder = audio_set(tmp_path)
    with caplog.at_level(logging.WARNING):
        built_audio_set(folder)
    assert "1 of 3 clips have no file" in caplog.text
    assert "dev and test are the same clips" in caplog.text
    with pytest.raises(ConfigError, match="no category 'Dogg'; did you mean 'Dog'"):
        built_audio_set(folder, include=["Dogg"])
    (folder / "ontology.json").write_text("[1]")
    with pytest.raises(CorruptFileError, match=r"ontology\.json: expected the ontology"):
        built_audio_set(folder)


def test_dcase2016_takes_the_lists_of_a_fold(tmp_path):
    folder = folds(tmp_path)
    dataset = build(DCASE2016Task1, folder, "filename", "scene_label", fold=3)
    expected = [["fold3_train.wav"], ["fold3_evaluate.wav"], ["test.wav"]]
    assert names_of(dataset, "filename") == expected
    assert all(map(is_sound, first_features(dataset)))
    assert dataset.places("dev", [0]) == f"{folder / 'fold3_evaluate.csv'}, line 2"
    with pytest.raises(ConfigError, match="fold is 5; use one of 1, 2, 3, 4"):
        build(DCASE2016Task1, folder, "filename", "scene_label", fold=5)


@pytest.mark.parametrize("seed", [None, 5])
def test_dev_of_dcase2018_is_drawn_by_its_seed_in_the_order_of_the_file(tmp_path, seed):
    options = {"dev_split": 0.3, "dev_split_seed": seed}
    dataset = build(DCASE2018Task3, birds(tmp_path), "filename", "hasbird", **options)
    drawn = np.random.default_rng(1 if seed is None else seed).permutation(20)
    expected = [sorted(drawn[:14].tolist()), sorted(drawn[14:].tolist()), [20, 21, 22]]
    assert names_of(dataset, "filename") == [[f"{i}.wav" for i in rows] for rows in expected]
    assert dataset.target_transform.labels == [0, 1]
    assert all(map(is_sound, first_features(dataset)))


def test_dev_of_dcase2018_is_the_test_set_only_with_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = build(DCASE2018Task3, birds(tmp_path), "filename", "hasbird")
    assert names_of(dataset, "filename")[1:] == [["20.wav", "21.wav", "22.wav"]] * 2
    assert "dev is the test set" in caplog.text
    with pytest.raises(ConfigError, match=r"dev_split is 1\.0"):
        build(DCASE2018Task3, tmp_path, "filename", "hasbird", dev_split=1.0)


def built_scenes(folder, **more):
    return build(DCASE2020Task1A, folder, "filename", "scene_label", **more)


def test_dev_of_dcase2020_has_locations_of_its_own(tmp_path):
    dataset = built_scenes(scenes(tmp_path), dev_split=0.25, dev_split_seed=3)
    order = [place + offset for place in range(5) for offset in (1000, 1100)]
    np.random.default_rng(3).shuffle(order)
    # Three rows a location: three of them have at least a quarter of thirty rows.
    assert set(dataset.df_dev["location"]) == set(order[:3])
    assert set(dataset.df_train["location"]) == set(order[3:])
    assert dataset.df_dev.index.tolist() == list(range(9))
    assert all(map(is_sound, first_features(dataset)))


def test_scenes_of_dcase2020_can_be_of_one_category_and_cities_left_out_of_train(tmp_path):
    options = {"scene_category": "outdoor", "exclude_cities": ["lyon"]}
    dataset = built_scenes(scenes(tmp_path), dev_split=0.5, **options)
    frames = (dataset.df_train, dataset.df_dev, dataset.df_test)
    assert [set(frame["scene_label"]) for frame in frames] == [{"park"}] * 3
    assert set(dataset.df_train["city"]) == {"lisbon"}
    assert set(dataset.df_test["city"]) == {"lisbon", "lyon"}


def test_dcase2020_says_what_is_wrong(tmp_path, caplog):
    folder = scenes(tmp_path)
    with caplog.at_level(logging.WARNING):
        built_scenes(folder)
    assert "dev is the test set" in caplog.text
    with pytest.raises(ConfigError, match="scene_category is 'inside'"):
        built_scenes(folder, scene_category="inside")
    with pytest.raises(ConfigError, match=r"no city 'lion'; did you mean .*'lyon'"):
        built_scenes(folder, exclude_cities=["lion"]).df_train  # noqa: B018


def test_edansa_has_any_of_its_labels(tmp_path):
    folder = edansa(tmp_path)
    dataset = build(EDANSA2019, folder, "Clip Path", ["Anth", "Geo"], **LABELS)
    assert dataset.train_dataset[1].target.tolist() == [1, 1]
    assert all(map(is_sound, first_features(dataset)))
    wrong = build(EDANSA2019, folder, "Clip Path", ["Anth", "about3"], **LABELS)
    with pytest.raises(ConfigError, match="'about3' are no labels of EDANSA-2019"):
        wrong.train_dataset  # noqa: B018


def test_emo_db_splits_by_speakers(tmp_path):
    dataset = build(EmoDB, emo_db(tmp_path), "filename", "emotion")
    speakers = [set(frame) for frame in names_of(dataset, "speaker")]
    assert speakers == [{3, 8, 9, 10, 11, 12}, {13, 14}, {15, 16}]
    assert dataset.df_test.index.tolist() == [0, 1, 2, 3]
    assert all(map(is_sound, first_features(dataset)))
    chosen = build(EmoDB, tmp_path, "filename", "emotion", train_speakers=[3, 8, 9])
    assert set(chosen.df_train["speaker"]) == {3, 8, 9}


def test_emo_db_says_which_speakers_there_are(tmp_path):
    folder = emo_db(tmp_path)
    with pytest.raises(ConfigError, match="no speaker 1, 2; there are 3, 8, 9"):
        build(EmoDB, folder, "filename", "emotion", dev_speakers=[1, 2]).df_dev  # noqa: B018
    with pytest.raises(ConfigError, match="speaker 13 is in more than one"):
        build(EmoDB, folder, "filename", "emotion", train_speakers=[13])


@pytest.mark.parametrize(
    ("target", "task", "metrics", "kind", "first"),
    [
        ("EmoClass", "classification", CLASSES, LabelEncoder, 0),
        ("EmoAct", "regression", NUMBERS, MinMaxScaler, 0.0),
        (["EmoAct", "EmoVal"], "mt-regression", NUMBERS, MultiTargetMinMaxScaler, [0.0, 0.0]),
    ],
)
def test_the_target_of_msp_podcast_decides_its_task(tmp_path, target, task, metrics, kind, first):
    arguments = {**COMMON, **metrics, "path": str(podcasts(tmp_path)), "target_column": target}
    dataset = MSPPodcast(**arguments)
    assert (dataset.task, type(dataset.target_transform)) == (task, kind)
    assert np.array_equal(dataset.train_dataset.targets[0], first)
    assert [len(frame) for frame in names_of(dataset, "FileName")] == [5, 5, 5]
    assert dataset.df_test.index.tolist() == [0, 1, 2, 3, 4]
    assert all(map(is_sound, first_features(dataset)))


def test_msp_podcast_takes_some_emotions_only(tmp_path):
    arguments = {**COMMON, **CLASSES, "path": str(podcasts(tmp_path)), "target_column": "EmoClass"}
    dataset = MSPPodcast(**arguments, categories=["A", "N"])
    assert names_of(dataset, "EmoClass") == [["A", "N"]] * 3
    with pytest.raises(ConfigError, match=r"has no 'Q'"):
        MSPPodcast(**arguments, categories=["Q"]).df_train  # noqa: B018


def test_speech_commands_take_their_three_tables(tmp_path):
    dataset = build(SpeechCommands, words(tmp_path), "path", "label")
    expected = [[f"yes/{split}_nohash_0.wav"] for split in ("train", "dev", "test")]
    assert names_of(dataset, "path") == expected
    assert all(map(is_sound, first_features(dataset)))
