"""Sound in FLAC, MP3 and Ogg files, against soundfile; a part of it against the whole."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.native.audio import AudioInfo, audio_info, decode_audio, foreign_audio
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import AxisPad, FileReader, Layout
from autrainer.errors import CorruptFileError, DataError, UnsupportedFileError

SEEDS = Path(__file__).parents[2] / "fuzz" / "seeds" / "audio"
FORMATS = {"flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS")}
CODECS = {"flac": "FLAC", "mp3": "MP3", "ogg": "Vorbis"}
TOLERANCE = {"flac": 0, "mp3": 1e-5, "ogg": 1e-5}


OTHERS = [
    *(
        "mono.flac",
        "stereo.flac",
        "verbatim.flac",
        "small_blocks.flac",
        "stream.flac",
        "quiet.flac",
    ),
    *("cbr.mp3", "vbr.mp3", "mpeg2.mp3", "mpeg25.mp3", "id3.mp3", "ffmpeg.mp3"),
    *("short.ogg", "ffmpeg.ogg"),
]


def signal(seconds, rate, num_channels, seed=0):
    """Tones that rise, under noise: no two parts are alike."""
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    tones = np.sin(
        2 * np.pi * (200 + np.outer(300 * time, np.arange(1, num_channels + 1))).T * time
    )
    return (0.4 * tones + rng.normal(0, 0.03, (num_channels, time.size))).T


def write(path, sound, rate):
    container, subtype = FORMATS[path.suffix[1:]]
    with soundfile.SoundFile(
        path, "w", rate, sound.shape[1], format=container, subtype=subtype
    ) as file:
        # libvorbis needs a deep stack for a long block.
        for start in range(0, len(sound), 4096):
            file.write(sound[start : start + 4096])


def by_soundfile(path):
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(sound.T), rate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module", params=["flac", "mp3", "ogg"])
def long_sound(request, folder):
    """A file of some seconds, and what it decodes to."""
    path = folder / f"long.{request.param}"
    write(path, signal(6, 44100, 2), 44100)
    return str(path), decode_audio(str(path))[0]


@pytest.fixture(scope="module", params=["flac", "mp3", "ogg"])
def long_file(request, folder):
    """A hundred seconds at 16 kHz."""
    path = folder / f"longer.{request.param}"
    write(path, signal(100, 16000, 1), 16000)
    return str(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("num_frames", [1, 1152, 12345])
def test_a_sound_is_what_soundfile_reads(tmp_path, suffix, num_channels, rate, num_frames):
    path = tmp_path / f"a.{suffix}"
    write(path, signal(num_frames / rate, rate, num_channels), rate)

    found, found_rate = decode_audio(str(path))

    expected, expected_rate = by_soundfile(path)
    assert (found.shape, found.dtype, found_rate) == (expected.shape, np.float32, expected_rate)
    assert found.shape == (num_channels, num_frames)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[suffix])
    assert audio_info(str(path)) == AudioInfo(CODECS[suffix], rate, num_channels, num_frames)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("num_channels", [1, 3, 8])
@pytest.mark.parametrize("rate", [11025, 192000])
def test_flac_of_any_depth_is_read_bit_for_bit(tmp_path, subtype, num_channels, rate):
    path = tmp_path / "a.flac"
    soundfile.write(path, signal(0.05, rate, num_channels), rate, subtype=subtype)

    found, _ = decode_audio(str(path))

    np.testing.assert_array_equal(found, by_soundfile(path)[0])


@pytest.mark.parametrize("num_channels", [3, 4, 5, 6, 7, 8])
def test_channels_of_vorbis_come_in_the_order_of_soundfile(tmp_path, num_channels):
    path = tmp_path / "a.ogg"
    write(path, signal(0.1, 16000, num_channels), 16000)

    found, _ = decode_audio(str(path))

    np.testing.assert_allclose(found, by_soundfile(path)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_encoders_are_read_like_soundfile(name):
    found, rate = decode_audio(str(SEEDS / name))

    expected, expected_rate = by_soundfile(SEEDS / name)
    assert (found.shape, rate) == (expected.shape, expected_rate)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@settings(max_examples=60)
@given(first=st.integers(0, 6 * 44100), count=st.one_of(st.none(), st.integers(0, 100_000)))
def test_a_part_is_bit_for_bit_that_part_of_the_whole(long_sound, first, count):
    path, whole = long_sound

    found, _ = decode_audio(path, first_frame=first, num_frames=count)

    last = None if count is None else first + count
    np.testing.assert_array_equal(found, whole[:, first:last])


@settings(max_examples=20)
@given(first=st.integers(0, 3000), count=st.integers(0, 2000))
@pytest.mark.parametrize(
    "name",
    [
        *("mpeg2.mp3", "mpeg25.mp3", "vbr_no_xing.mp3", "ffmpeg.mp3"),
        "small_blocks.flac",
        "ffmpeg.ogg",
    ],
)
def test_a_part_of_a_small_file_is_that_part_of_the_whole(name, first, count):
    path = str(SEEDS / name)
    whole, _ = decode_audio(path)
    first = min(first, whole.shape[1])

    found, _ = decode_audio(path, first_frame=first, num_frames=count)

    np.testing.assert_array_equal(found, whole[:, first : first + count])


def test_seconds_are_rounded_to_the_nearest_frame(long_sound):
    path, whole = long_sound

    found, rate = decode_audio(path, offset_s=1.00001, duration_s=0.5)

    assert rate == 44100
    np.testing.assert_array_equal(found, whole[:, 44100 : 44100 + 22050])


def test_the_content_of_a_file_is_decoded_as_the_file(long_sound):
    path, whole = long_sound
    content = Path(path).read_bytes()

    assert audio_info(content) == audio_info(path)
    np.testing.assert_array_equal(decode_audio(content)[0], whole)
    found, _ = decode_audio(content, first_frame=100_000, num_frames=10)
    np.testing.assert_array_equal(found, whole[:, 100_000:100_010])


def test_an_array_of_the_caller_is_filled(long_sound):
    path, whole = long_sound
    out = np.empty((2, 1000), np.float32)

    found, _ = decode_audio(path, num_frames=1000, out=out)

    assert found is out
    np.testing.assert_array_equal(out, whole[:, :1000])


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 999), np.float32), r"shape \(2, 999\), the result has \(2, 1000\)"),
        (np.empty((2, 1000)), "dtype float64, the result has float32"),
        (np.empty((1000, 2), np.float32).T, "has gaps"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(long_sound, out, message):
    with pytest.raises(DataError, match=message):
        decode_audio(long_sound[0], num_frames=1000, out=out)


def test_tags_of_megabytes_are_passed_over(tmp_path):
    content = (SEEDS / "cbr.mp3").read_bytes()
    size = 3_000_000
    header = b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    cover = bytes([0xFF, 0xFB, 0x90, 0x64]) * (size // 4)
    (tmp_path / "tagged.mp3").write_bytes(header + cover + content + b"TAG" + bytes(125))
    plain, _ = decode_audio(str(SEEDS / "cbr.mp3"))

    found, _ = decode_audio(str(tmp_path / "tagged.mp3"))

    np.testing.assert_array_equal(found, plain)


def test_pictures_and_tags_around_flac_are_passed_over():
    content = (SEEDS / "mono.flac").read_bytes()
    picture = b"\x06" + (900_000).to_bytes(3, "big") + b"\xff\xf8" * 450_000
    id3 = b"ID3\x03\0\0\0\0\x02\x01" + b"\xff\xfb" * 128 + b"\0"
    plain, _ = decode_audio(content)

    for start, behind, end in [
        (b"", picture, b""),
        (id3, b"", b"TAG" + bytes(125)),
        (b"", b"", bytes(3000)),
    ]:
        found, _ = decode_audio(start + content[:42] + behind + content[42:] + end)
        np.testing.assert_array_equal(found, plain)


def test_frames_behind_the_end_of_a_recording_are_sound_too():
    """Two recordings in one file, as `cat` leaves them: the second one has no tag of its own."""
    one = (SEEDS / "vbr_no_xing.mp3").read_bytes()

    found, _ = decode_audio(one + b"TAG" + bytes(125) + one)

    whole, _ = decode_audio(one)
    assert found.shape == (2, 2 * whole.shape[1])
    np.testing.assert_array_equal(found[:, : whole.shape[1]], whole)


def test_mp3_without_a_count_of_frames_is_as_long_as_its_frames():
    """soundfile guesses the length from the rate of the first frame, and leaves half of it out."""
    path = SEEDS / "vbr_no_xing.mp3"
    assert b"Xing" not in path.read_bytes()

    found, _ = decode_audio(str(path))

    # Nine frames, as FFmpeg finds.
    assert found.shape == (2, 9 * 1152)
    assert audio_info(str(path)).num_frames == 9 * 1152
    guessed, _ = by_soundfile(path)
    until = guessed.shape[1] - 1152
    np.testing.assert_allclose(found[:, :until], guessed[:, :until], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["cbr.mp3", "mono.flac", "ffmpeg.ogg", "short.ogg"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_a_file_that_is_cut_is_named(tmp_path, name, share):
    content = (SEEDS / name).read_bytes()
    path = tmp_path / f"cut_{name}"
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(CorruptFileError, match=rf"cut_{name}: expected "):
        audio_info(str(path))
    with pytest.raises(CorruptFileError, match=rf"cut_{name}: expected "):
        decode_audio(str(path))


def test_flac_that_claims_more_than_it_holds_is_named():
    content = bytearray((SEEDS / "mono.flac").read_bytes())
    content[21:26] = b"\xff" * 5

    with pytest.raises(
        CorruptFileError, match="expected 68719476735 samples of FLAC audio, found 1600"
    ):
        decode_audio(bytes(content))


def with_checksum(page):
    """A page of Ogg whose content was changed."""
    checksum = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    return page[:22] + checksum.to_bytes(4, "little") + page[26:]


def test_vorbis_that_claims_more_than_it_holds_is_no_reason_to_take_memory():
    content = (SEEDS / "ffmpeg.ogg").read_bytes()
    last = content.rindex(b"OggS")
    page = content[last : last + 6] + b"\xff" * 7 + b"\0" + content[last + 14 :]

    with pytest.raises(UnsupportedFileError, match=r"\d{17} frames of 2 channels in 8057 bytes"):
        decode_audio(content[:last] + with_checksum(page))


def test_packets_of_another_length_than_the_file_tells_are_named():
    """Behind the settings of the decoder stand others, by which all packets would be long."""
    content = (SEEDS / "ffmpeg.ogg").read_bytes()
    begin = content.index(b"OggS", 4)
    end = content.index(b"OggS", begin + 4)
    page = bytearray(content[begin:end])
    last_size = 26 + page[26]
    page[last_size] += 12
    # Two modes: 6 bits of their number less one, a bit for long blocks, 40 others, and an end.
    modes = 1 | 1 << 6 | 1 << 47 | 1 << 88
    page = with_checksum(bytes(page) + modes.to_bytes(12, "little"))
    changed = content[:begin] + page + content[end:]

    message = r"damage after \d+ samples \(a packet of 1024 samples gave \d+\)"
    with pytest.raises(CorruptFileError, match=message):
        decode_audio(changed)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("opus.ogg", "Opus in Ogg"),
        ("flac.ogg", "FLAC in Ogg"),
        ("adts.aac", r"AAC \(ADTS\)"),
        ("mp4.m4a", r"AAC or another codec in MP4 \(M4A\)"),
    ],
)
def test_what_is_not_decoded_is_named(name, codec):
    path = str(SEEDS / name)

    with pytest.raises(UnsupportedFileError, match=rf"{name}: {codec} is not supported"):
        decode_audio(path)
    assert foreign_audio(path) == codec.replace("\\", "")
    assert foreign_audio(str(SEEDS / "cbr.mp3")) is None


def test_the_end_of_a_sound_is_not_before_its_offset(long_sound):
    path, whole = long_sound

    assert decode_audio(path, first_frame=whole.shape[1])[0].shape == (2, 0)
    with pytest.raises(CorruptFileError, match="expected audio after 9000000 samples"):
        decode_audio(path, first_frame=9_000_000)


def bytes_read(path, **part):
    """What the kernel gave this thread."""

    def count():
        lines = Path("/proc/thread-self/io").read_text().splitlines()
        return int(lines[0].removeprefix("rchar: "))

    before = count()
    decode_audio(path, **part)
    return count() - before


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(
    ("first_frame", "num_frames", "most_beside"),
    [(0, None, 330_000), (0, 160_000, 400_000), (900_000, 160_000, 150_000)],
)
def test_little_more_than_a_part_is_read(long_file, first_frame, num_frames, most_beside):
    """Of MP3, whose frames have to be counted, each byte is read once."""
    size = Path(long_file).stat().st_size
    is_whole = num_frames is None or long_file.endswith("mp3")

    found = bytes_read(long_file, first_frame=first_frame, num_frames=num_frames)

    assert found < (size if is_whole else size / 10) + most_beside


@pytest.fixture(scope="module")
def three_sounds(folder):
    """A file of each format, of different lengths, at one rate."""
    paths = [folder / f"{suffix}.{suffix}" for suffix in FORMATS]
    for number, path in enumerate(paths):
        write(path, signal(0.1 + 0.01 * number, 16000, 1, seed=number), 16000)
    return [str(path) for path in paths]


@pytest.mark.parametrize("num_threads", [0, 2])
def test_parts_are_read_into_batches_by_the_threads_of_the_core(three_sounds, num_threads):
    rows = np.array([2, 0, 1, 0])
    reader = FileReader(
        three_sounds, NativeFormat("audio", 16000, 0.02, 0.05), num_threads=num_threads
    )
    out = np.empty((4, 1, 800), np.float32)

    assert reader.layouts(rows) == [Layout((1, 800), np.dtype(np.float32))] * 4
    reader.submit(rows, out)
    outcome = reader.wait()

    assert outcome.unsupported == []
    for sample, row in zip(out, rows, strict=True):
        whole, _ = decode_audio(three_sounds[row])
        np.testing.assert_array_equal(sample, whole[:, 320:1120])


def test_sounds_of_different_lengths_are_padded_in_place(three_sounds):
    reader = FileReader(
        three_sounds, NativeFormat("audio"), num_threads=0, pad=AxisPad(-1, False, False)
    )
    out = np.empty((3, 1, 2000), np.float32)

    reader.read(np.arange(3), out)

    for sample, path in zip(out, three_sounds, strict=True):
        whole, _ = decode_audio(path)
        np.testing.assert_array_equal(sample[:, : whole.shape[1]], whole)
        assert not sample[:, whole.shape[1] :].any()
