"""Published data sets are fetched whole or not at all; the web is a server of this machine here."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from autrainer.datasets import (
    EDANSA2019,
    DCASE2016Task1,
    DCASE2018Task3,
    DCASE2020Task1A,
    EmoDB,
    SpeechCommands,
)
from autrainer.datasets.corpora import dcase2016, dcase2020, emo_db, speech_commands
from autrainer.datasets.corpora.obtaining import Source, obtain
from autrainer.errors import CorruptFileError, DataError, DownloadError
from autrainer.runs.web.integrity import Expected
from tests.datasets.corpora.layouts import tarred, wav, zipped


class Handler(BaseHTTPRequestHandler):
    """Sends what the server holds."""

    def do_GET(self):
        name = self.path.strip("/")
        self.server.asked.append(name)
        content = self.server.files.get(name)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.files, made.asked = {}, []
        made.url = f"http://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def sources(server, *names, **expected):
    return {name: Source(f"{server.url}/{name}", **expected) for name in names}


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def one_table(unpacked, audio):
    (unpacked / "a.zip" / "x.wav").rename(audio / "x.wav")
    return {"train.csv": pd.DataFrame({"filename": ["x.wav"]})}


def test_a_data_set_is_there_and_nothing_else(server, tmp_path):
    server.files = {"a.zip": zipped({"x.wav": None}), "b.csv": b"1\n"}
    obtain(tmp_path / "data", sources(server, "a.zip", "b.csv"), one_table)
    assert listed(tmp_path / "data") == ["default", "default/x.wav", "downloads.json", "train.csv"]
    assert (tmp_path / "data" / "train.csv").read_text() == "filename\nx.wav\n"


def test_what_is_there_is_not_asked_for_again(server, tmp_path):
    (tmp_path / "default").mkdir()
    obtain(tmp_path, sources(server, "a.zip"), one_table)
    assert server.asked == []


def test_what_has_come_is_kept_where_something_else_fails(server, tmp_path):
    server.files = {"a.zip": zipped({"x.wav": None})}
    with pytest.raises(DownloadError, match=r"b\.zip did not come"):
        obtain(tmp_path, sources(server, "a.zip", "b.zip"), one_table, pause_s=0)
    assert "default" not in listed(tmp_path)
    server.files["b.zip"] = zipped({"y.txt": "y"})
    server.asked.clear()
    obtain(tmp_path, sources(server, "a.zip", "b.zip"), one_table)
    assert server.asked == ["b.zip"]
    assert listed(tmp_path) == ["default", "default/x.wav", "downloads.json", "train.csv"]


def test_an_interrupted_call_goes_on_without_what_it_had_made(server, tmp_path):
    def stopped(unpacked, audio):
        one_table(unpacked, audio)
        raise KeyboardInterrupt

    server.files = {"a.zip": zipped({"x.wav": None})}
    with pytest.raises(KeyboardInterrupt):
        obtain(tmp_path, sources(server, "a.zip"), stopped)
    assert not (tmp_path / "default").exists()
    obtain(tmp_path, sources(server, "a.zip"), one_table)
    assert server.asked == ["a.zip"]
    assert (tmp_path / "default" / "x.wav").read_bytes() == wav(0)


def test_later_downloads_have_to_equal_the_first_one(server, tmp_path):
    server.files = {"a.zip": zipped({"x.wav": None})}
    obtain(tmp_path, sources(server, "a.zip"), one_table)
    (entry,) = json.loads((tmp_path / "downloads.json").read_text()).values()
    assert (entry["size"], entry["checksum"][:7]) == (len(server.files["a.zip"]), "sha256:")
    (tmp_path / "default").rename(tmp_path / "elsewhere")
    server.files = {"a.zip": zipped({"x.wav": "other"})}
    with pytest.raises(DownloadError, match=r"a\.zip did not come .* instead of"):
        obtain(tmp_path, sources(server, "a.zip"), one_table, pause_s=0)
    (tmp_path / "downloads.json").write_text("[1]")
    with pytest.raises(DataError, match="is no record of downloads"):
        obtain(tmp_path, sources(server, "a.zip"), one_table)


def test_a_published_checksum_counts(server, tmp_path):
    server.files = {"a.zip": zipped({"x.wav": None})}
    wrong = sources(server, "a.zip", expected=Expected(checksum=f"md5:{'0' * 32}"))
    with pytest.raises(DownloadError, match="its md5 is"):
        obtain(tmp_path, wrong, one_table, pause_s=0)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SpeechCommands, "speech_commands_v0.02.tar.gz"),
        (DCASE2020Task1A, "TAU-urban-acoustic-scenes-2020-mobile-development.meta.zip"),
        (DCASE2016Task1, "TUT-acoustic-scenes-2016-development.meta.zip"),
    ],
)
def test_a_mirror_with_another_file_is_refused(server, tmp_path, kind, name):
    server.files = {name: zipped({"x.wav": None})}
    with pytest.raises(DownloadError, match=rf"{name} did not come from {server.url}"):
        kind.download(str(tmp_path), mirror=server.url)
    assert "default" not in listed(tmp_path)


def test_emo_db_reads_its_table_off_the_names_of_files(server, tmp_path):
    names = ["wav/03a01Fa.wav", "wav/16b10Wb.wav", "lablaut/03a01Fa.lablaut"]
    server.files = {"emodb.zip": zipped(dict.fromkeys(names))}
    EmoDB.download(str(tmp_path), mirror=server.url)
    assert (tmp_path / "metadata.csv").read_text() == (
        "filename,emotion,speaker,text,version\n"
        "03a01Fa.wav,happiness,3,a01,a\n16b10Wb.wav,anger,16,b10,b\n"
    )
    assert listed(tmp_path / "default") == ["03a01Fa.wav", "16b10Wb.wav"]


def test_files_with_other_names_are_refused(server, tmp_path):
    server.files = {"emodb.zip": zipped({"wav/anger.wav": None})}
    with pytest.raises(CorruptFileError, match=r"anger\.wav is not called as files of EmoDB"):
        obtain(tmp_path, sources(server, *emo_db.SOURCES), emo_db.build)
    assert not (tmp_path / "default").exists()


def test_dcase2016_has_its_folds_without_errors_and_published_names(server, tmp_path):
    root = "TUT-acoustic-scenes-2016-development"
    meta = {f"{root}/evaluation_setup/fold{fold}_{part}.txt": text
            for fold in (1, 2, 3, 4)
            for part, text in (("train", "audio/a.wav\tbus\naudio/bad.wav\tbus\n"),
                               ("evaluate", "audio/b.wav\tcar\n"),
                               ("test", "audio/b.wav\n"))}  # fmt: skip
    test = "TUT-acoustic-scenes-2016-evaluation"
    server.files = {
        f"{root}.meta.zip": zipped(meta),
        f"{root}.error.zip": zipped({f"{root}/error.txt": "audio/bad.wav\t1.0\t2.0\n"}),
        f"{root}.audio.1.zip": zipped({f"{root}/audio/a.wav": None, f"{root}/audio/bad.wav": None}),
        f"{root}.audio.2.zip": zipped({f"{root}/audio/b.wav": None}),
        f"{test}.meta.zip": zipped(
            {f"{test}/evaluation_setup/evaluate.txt": "audio/1.wav\ttram\taudio/c.wav\n"}
        ),
        f"{test}.audio.1.zip": zipped({f"{test}/audio/1.wav": None}),
    }
    obtain(tmp_path, sources(server, *server.files), dcase2016.build)
    assert listed(tmp_path / "default") == ["a.wav", "b.wav", "bad.wav", "c.wav"]
    assert (tmp_path / "fold2_train.csv").read_text() == "filename,scene_label\na.wav,bus\n"
    assert (tmp_path / "fold2_evaluate.csv").read_text() == "filename,scene_label\nb.wav,car\n"
    assert (tmp_path / "test.csv").read_text() == "filename,scene_label\nc.wav,tram\n"
    assert set(server.files) < set(dcase2016.SOURCES)


def test_dcase2018_joins_its_three_collections(server, tmp_path):
    header = b"itemid,datasetid,hasbird\n"
    server.files = {
        "ff1010bird_wav.zip": zipped({"wav/1.wav": None}),
        "BirdVox-DCASE-20k.zip": zipped({"wav/abc.wav": None}),
        "warblrb10k_public_wav.zip": zipped({"wav/d-e.wav": None}),
        "ff1010bird_metadata_2018.csv": header + b"1,ff1010bird,1\n",
        "BirdVoxDCASE20k_csvpublic.csv": header + b"abc,BirdVox-DCASE-20k,0\n",
        "warblrb10k_public_metadata_2018.csv": header + b"d-e,warblrb10k,1\n",
    }
    DCASE2018Task3.download(str(tmp_path), mirror=server.url)
    assert (tmp_path / "train.csv").read_text() == (
        "filename,dataset,hasbird\n1.wav,ff1010bird,1\nabc.wav,BirdVox-DCASE-20k,0\n"
    )
    assert (tmp_path / "test.csv").read_text().endswith("d-e.wav,warblrb10k,1\n")
    assert listed(tmp_path / "default") == ["1.wav", "abc.wav", "d-e.wav"]


def test_a_table_that_names_more_than_there_is_is_refused(server, tmp_path):
    names = ["a-b-1-2-c.wav", "a-b-1-3-c.wav"]
    rows = "".join(f"audio/{name}\ta\n" for name in names)
    folder = "TAU/evaluation_setup"
    tables = dict.fromkeys((f"{folder}/fold1_train.csv", f"{folder}/fold1_evaluate.csv"),
                           f"filename\tscene_label\n{rows}")  # fmt: skip
    server.files = {
        "meta.zip": zipped(tables),
        "audio.zip": zipped({f"TAU/audio/{names[0]}": None}),
    }
    with pytest.raises(CorruptFileError, match=r"2 of 4 files .* such as audio/a-b-1-3-c\.wav"):
        obtain(tmp_path, sources(server, *server.files), dcase2020.build)


def test_dcase2020_knows_city_location_segment_and_device(server, tmp_path):
    folder, name = "TAU/evaluation_setup", "audio/tram-lyon-1116-33-s2.wav"
    table = f"filename\tscene_label\n{name}\ttram\n"
    tables = {f"{folder}/fold1_train.csv": table, f"{folder}/fold1_evaluate.csv": table}
    server.files = {"meta.zip": zipped(tables), "audio.zip": zipped({f"TAU/{name}": None})}
    obtain(tmp_path, sources(server, *server.files), dcase2020.build)
    assert (tmp_path / "train.csv").read_text() == (
        f"filename,scene_label,city,location,segment,device\n{name},tram,lyon,1116,33,s2\n"
    )
    assert (tmp_path / "default" / name).is_file()


def test_edansa_is_split_by_its_sets_and_labels_are_numbers(server, tmp_path):
    described = ",".join(f"about{i}" for i in range(8))
    header = f"Clip Path,set,{described},Anth,Bio\n"
    rows = [f"s/{split}.wav,{split},{','.join('12345678')},1,0\n"
            for split in ("train", "valid", "test")]  # fmt: skip
    clips = {f"EDANSA-2019/data/s/{split}.wav": None for split in ("train", "valid", "test")}
    labels = {"EDANSA-2019/labels.csv": header + "".join(rows)}
    server.files = {"EDANSA-2019.zip": zipped({**labels, **clips})}
    EDANSA2019.download(str(tmp_path), mirror=server.url)
    assert (tmp_path / "dev.csv").read_text().splitlines()[1] == (
        "s/valid.wav,valid,1,2,3,4,5,6,7,8,1.0,0.0"
    )
    assert (tmp_path / "default" / "s" / "valid.wav").is_file()


def test_speech_commands_are_split_by_the_lists_of_their_archive(server, tmp_path):
    words = [
        f"{word}/{speaker}_nohash_{n}.wav"
        for word, speaker, n in (("yes", "ab", 0), ("yes", "cd", 1), ("no", "ef", 12))
    ]
    files = {f"./{name}": None for name in [*words, "_background_noise_/pink.wav"]}
    lists = {"validation_list.txt": f"{words[1]}\n", "testing_list.txt": f"{words[2]}\n"}
    (name,) = speech_commands.SOURCES
    server.files = {name: tarred({**files, **lists})}
    obtain(tmp_path, sources(server, name), speech_commands.build)
    header = "path,sample_rate,label,speaker_id,utterance_number\n"
    assert (tmp_path / "train.csv").read_text() == f"{header}yes/ab_nohash_0.wav,16000,yes,ab,0\n"
    assert (tmp_path / "test.csv").read_text() == f"{header}no/ef_nohash_12.wav,16000,no,ef,12\n"
    assert listed(tmp_path / "default") == ["no", words[2], "yes", words[0], words[1]]
