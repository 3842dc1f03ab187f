"""What features are, in float64 and by definition."""

import math

import numpy as np

RATES = [(44100, 16000), (48000, 32000), (48000, 16000), (22050, 16000), (8000, 16000), (3, 7)]


def sinc_sum(signal, old_hz, new_hz, *, rounds_times=False):
    """Every output sample as the direct sum over all input samples; torchaudio rounds times."""
    divisor = math.gcd(old_hz, new_hz)
    old, new = old_hz // divisor, new_hz // divisor
    cutoff = 0.99 * min(old, new)
    num_samples = -(-len(signal) * new // old)
    at = np.arange(num_samples)
    phase = (at % new) / new
    if rounds_times:
        phase = (np.float32(at % new) / np.float32(new)).astype(np.float64)
    times = at // new + phase
    out = np.empty(num_samples)
    inputs = np.arange(len(signal)) / old
    for block in np.array_split(at, max(1, num_samples // 200)):
        # Both counted from the period of the block, as torchaudio does: no digits are lost.
        t = np.clip((inputs[None] - times[block, None]) * cutoff, -6, 6)
        taps = np.sinc(t) * np.cos(t * np.pi / 12) ** 2 * cutoff / old
        out[block] = taps @ signal.astype(np.float64)
    return out


def torchaudio_kernel(old_hz, new_hz):
    """The taps as torchaudio's documentation and source define them, by torch."""
    import torch

    divisor = math.gcd(old_hz, new_hz)
    old, new = old_hz // divisor, new_hz // divisor
    base = min(old, new) * 0.99
    width = math.ceil(6 * old / base)
    columns = torch.arange(-width, width + old, dtype=torch.float64)[None] / old
    t = (torch.arange(0, -new, -1)[:, None] / new + columns) * base
    t = t.clamp(-6, 6)
    window = torch.cos(t * math.pi / 12) ** 2
    taps = torch.where(t == 0, 1.0, torch.sin(t * math.pi) / (t * math.pi)) * window * (base / old)
    return taps.float().numpy(), width


SCALES = {
    "slaney": (
        lambda hz: np.where(
            hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1e3) / np.log(6.4)
        ),
        lambda mel: np.where(mel < 15, mel * 200 / 3, 1e3 * 6.4 ** ((mel - 15) / 27)),
    ),
    "htk": (
        lambda hz: 2595 * np.log10(1 + hz / 700),
        lambda mel: 700 * (10 ** (mel / 2595) - 1),
    ),
}


def filter_bank(settings):
    """Triangles of librosa or torchaudio, (bins, bands)."""
    to_mel, to_hz = SCALES[settings.scale]
    low, high = to_mel(np.float64(settings.fmin_hz)), to_mel(np.float64(settings.fmax_hz))
    edges = to_hz(np.linspace(low, high, settings.num_bands + 2))
    bins = np.arange(settings.fft_len // 2 + 1) * settings.sample_rate_hz / settings.fft_len
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    bank = np.maximum(0, np.minimum(rising, falling))
    return bank * 2 / (edges[2:] - edges[:-2]) if settings.equal_area else bank


def decibels(signal, settings):
    """Log-mel of a signal (N,) as (T, F), by numpy.fft."""
    reach = settings.fft_len // 2
    padded = np.pad(signal.astype(np.float64), reach, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, settings.fft_len)
    angles = 2 * np.pi * np.arange(settings.window_len) / settings.window_len
    before = (settings.fft_len - settings.window_len) // 2
    window = np.zeros(settings.fft_len)
    window[before : before + settings.window_len] = 0.5 - 0.5 * np.cos(angles)
    power = np.abs(np.fft.rfft(frames[:: settings.hop_len] * window)) ** 2
    mel = power @ filter_bank(settings)
    levels = 10 * np.log10(np.maximum(mel, settings.amin))
    levels -= 10 * np.log10(max(settings.reference, settings.amin))
    return levels if settings.top_db is None else np.maximum(levels, levels.max() - settings.top_db)


def speech_like(num_samples, seed=0):
    """Noise that falls off by 80 dB towards high frequencies, in bursts; float32."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    spectrum *= 10 ** (-4 * np.linspace(0, 1, len(spectrum)))
    noise = np.fft.irfft(spectrum, num_samples)
    bursts = 0.5 - 0.5 * np.cos(np.arange(num_samples) * 2 * np.pi / 4000)
    return (0.3 * bursts * noise / np.abs(noise).max()).astype(np.float32)
