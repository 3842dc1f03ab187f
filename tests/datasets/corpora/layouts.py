"""Small folders laid out as published data sets are."""

import functools
import io
import json
import tarfile
import zipfile

import numpy as np
import torch

RATE = 16000
COMMON = {
    "seed": 1,
    "file_type": "wav",
    "file_handler": "autrainer.datasets.utils.AudioFileHandler",
}
CLASSES = {
    "metrics": ["autrainer.metrics.Accuracy"],
    "tracking_metric": "autrainer.metrics.Accuracy",
}
LABELS = {
    "metrics": ["autrainer.metrics.MLF1Macro"],
    "tracking_metric": "autrainer.metrics.MLF1Macro",
}
NUMBERS = {"metrics": ["autrainer.metrics.CCC"], "tracking_metric": "autrainer.metrics.CCC"}


def wav(number=0, num_samples=80, rate=RATE):
    """A sound as bytes of a WAV file; the number tells it from others."""
    import soundfile

    sound = io.BytesIO()
    signal = np.full(num_samples, (number + 1) / 100, dtype=np.float32)
    soundfile.write(sound, signal, rate, subtype="PCM_16", format="WAV")
    return sound.getvalue()


def write(folder, files, rate=RATE):
    """Write files by their paths in a folder: texts, bytes, or None for a sound."""
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = wav(number, rate=rate) if content is None else content
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(files):
    """A zip archive of files as bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number, (name, content) in enumerate(files.items()):
            made.writestr(name, wav(number) if content is None else content)
    return archive.getvalue()


def tarred(files, compression="gz"):
    """A tar archive of files as bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=f"w:{compression}") as made:
        for number, (name, content) in enumerate(files.items()):
            content = wav(number) if content is None else content
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def first_features(dataset):
    """Features of the first sample of each split; all of them load."""
    splits = (dataset.train_dataset, dataset.dev_dataset, dataset.test_dataset)
    return [split[0].features for split in splits]


def is_sound(features):
    return isinstance(features, torch.Tensor) and features.shape == (1, 80)


CHUNKS = [f"{school}_{speaker:02d}_{n}" for school, speakers in (("Ohm", (1, 2, 3, 4)),
          ("Mont", (1, 2))) for speaker in speakers for n in range(2)]  # fmt: skip


def aibo(folder, task="2cl"):
    labels = "".join(
        f"{chunk} {'NEG' if i % 2 else 'IDL'} 0.{i}\n" for i, chunk in enumerate(CHUNKS)
    )
    files = {f"wav/{chunk}.wav": None for chunk in CHUNKS}
    return write(folder, {f"chunk_labels_{task}_corpus.txt": labels, **files})


ONTOLOGY = [
    ("/m/animal", "Animal", ["/m/dog", "/m/bird"]),
    ("/m/music", "Music", ["/m/drum"]),
    ("/m/dog", "Dog", ["/m/bark"]),
    ("/m/bird", "Bird", []),
    ("/m/bark", "Bark", []),
    ("/m/drum", "Drum", []),
]
SEGMENTS = {
    "balanced_train": [("a", "/m/bark"), ("b", "/m/bird,/m/drum"), ("gone", "/m/bark")],
    "unbalanced_train": [("c", "/m/drum"), ("d", "/m/dog")],
    "eval": [("e", "/m/bark,/m/drum"), ("f", "/m/music")],
}


def audio_set(folder, suffix="_segments", rate=RATE):
    nodes = [{"id": i, "name": name, "child_ids": below} for i, name, below in ONTOLOGY]
    files = {"ontology.json": json.dumps(nodes)}
    for name, clips in SEGMENTS.items():
        rows = "".join(f'{clip}, 0.000, 10.000, "{ids}"\n' for clip, ids in clips)
        header = "# YTID, start_seconds, end_seconds, positive_labels\n"
        files[f"{name}_segments.csv"] = f"# created\n# num_ytids\n{header}{rows}"
        audio = {f"{name}{suffix}/{clip}.wav": None for clip, _ in clips if clip != "gone"}
        files.update(audio)
    return write(folder, files, rate)


def birds(folder, num=20):
    rows = {"train": range(num), "test": range(num, num + 3)}
    files = {
        f"{name}.csv": "filename,dataset,hasbird\n" + "".join(f"{i}.wav,x,{i % 2}\n" for i in those)
        for name, those in rows.items()
    }
    return write(folder, {**files, **{f"default/{i}.wav": None for i in range(num + 3)}})


SCENES = ("airport", "park", "tram")


def scenes(folder):
    names = [
        f"audio/{scene}-{city}-{place + offset}-0-a.wav"
        for place in range(6)
        for city, offset in (("lisbon", 1000), ("lyon", 1100))
        for scene in SCENES
    ]
    header = "filename,scene_label,city,location,segment,device\n"

    def row(name):
        scene, *rest = name.removeprefix("audio/").removesuffix(".wav").split("-")
        return f"{','.join((name, scene, *rest))}\n"

    files = {"train.csv": header + "".join(map(row, names[:30])),
             "test.csv": header + "".join(map(row, names[30:]))}  # fmt: skip
    return write(folder, {**files, **{f"default/{name}": None for name in names}})


def edansa(folder):
    described = [f"about{i}" for i in range(9)]
    header = ",".join(["Clip Path", *described, "Anth", "Bio", "Geo", "Sil"])
    row = ",".join(["{}", *"123456789", "{}", "{}", "1.0", "0.0"])
    files = {
        f"{split}.csv": "\n".join([header, *(row.format(f"s/{split}{i}.wav", i, 1 - i)
                                             for i in (0, 1))]) + "\n"
        for split in ("train", "dev", "test")
    }  # fmt: skip
    audio = [f"default/s/{split}{i}.wav" for split in ("train", "dev", "test") for i in (0, 1)]
    return write(folder, {**files, **dict.fromkeys(audio)})


def emo_db(folder, speakers=(3, 8, 9, 10, 11, 12, 13, 14, 15, 16)):
    rows = [
        (f"{speaker:02d}a01{letter}a.wav", emotion, speaker)
        for speaker in speakers
        for letter, emotion in (("W", "anger"), ("N", "neutral"))
    ]
    text = "filename,emotion,speaker\n" + "".join(f"{n},{e},{s}\n" for n, e, s in rows)
    return write(folder, {"metadata.csv": text, **{f"default/{n}": None for n, _, _ in rows}})


def podcasts(folder):
    rows = [
        (f"MSP_{i}.wav", "AHNSX"[i % 5], i / 2, i + 0.5, split)
        for i, split in enumerate(["Train"] * 5 + ["Development"] * 5 + ["Test1"] * 5 + ["Test2"])
    ]
    text = "FileName,EmoClass,EmoAct,EmoDom,EmoVal,Split_Set\n" + "".join(
        f"{name},{emotion},{act},{act},{val},{split}\n" for name, emotion, act, val, split in rows
    )
    files = {f"Audios/{name}": None for name, *_ in rows}
    return write(folder, {"Labels/labels_consensus.csv": text, **files})


def folds(folder):
    parts = [f"fold{fold}_{part}" for fold in (1, 2, 3, 4) for part in ("train", "evaluate")]
    files = {f"{name}.csv": f"filename,scene_label\n{name}.wav,bus\n" for name in [*parts, "test"]}
    return write(folder, {**files, **{f"default/{name}.wav": None for name in [*parts, "test"]}})


def words(folder):
    names = {split: f"yes/{split}_nohash_0.wav" for split in ("train", "dev", "test")}
    files = {f"{split}.csv": f"path,label\n{name},yes\n" for split, name in names.items()}
    return write(folder, {**files, **{f"default/{name}": None for name in names.values()}})


LAYOUTS = {
    "AIBO": (aibo, "wav"),
    "AudioSet": (functools.partial(audio_set, rate=32_000), ""),
    "DCASE2016Task1": (folds, "default"),
    "DCASE2018Task3": (birds, "default"),
    "DCASE2020Task1A": (scenes, "default"),
    "EDANSA2019": (edansa, "default"),
    "EmoDB": (emo_db, "default"),
    "MSPPodcast": (podcasts, "Audios"),
    "SpeechCommands": (words, "default"),
}
"""What makes a small folder of each, and where the audio lies in it."""


def as_features(folder, audio, features, shape):
    """Arrays of a shape in place of the audio of a folder."""
    for path in sorted((folder / audio).rglob("*.wav")):
        place = (folder / features / path.relative_to(folder / audio)).with_suffix(".npy")
        place.parent.mkdir(parents=True, exist_ok=True)
        np.save(place, np.ones(shape, dtype=np.float32))
