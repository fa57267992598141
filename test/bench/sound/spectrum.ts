/** Level of one of many frequencies. */
export interface Band {
  readonly hz: number;
  readonly db: number;
}

const FULL_SCALE = 32_767;

/** Level of each frequency of a steady sound in dBFS: transforms of `size` samples (a power of two), averaged. */
export function spectrumOf(samples: Int16Array, sampleRate: number, size = 4096): Band[] {
  const window = Float64Array.from({ length: size }, (_, i) => blackmanHarris(i, size));
  const weight = window.reduce((sum, value) => sum + value, 0);
  const power = new Float64Array(size / 2);
  let parts = 0;
  for (let at = 0; at + size <= samples.length; at += size / 2) {
    const real = Float64Array.from(window, (value, i) => value * samples[at + i]!);
    const imaginary = new Float64Array(size);
    transform(real, imaginary);
    for (let bin = 0; bin < power.length; bin++) power[bin]! += real[bin]! ** 2 + imaginary[bin]! ** 2;
    parts += 1;
  }
  return Array.from(power, (sum, bin) => {
    const amplitude = (2 * Math.sqrt(sum / Math.max(1, parts))) / weight / FULL_SCALE;
    return { hz: (bin * sampleRate) / size, db: 20 * Math.log10(Math.max(amplitude, 1e-8)) };
  });
}

/** The strongest of each of `count` stretches of a spectrum: what a picture has room for. */
export function thinned(spectrum: readonly Band[], count: number): Band[] {
  const step = spectrum.length / count;
  return Array.from({ length: count }, (_, i) => {
    const part = spectrum.slice(Math.floor(i * step), Math.max(Math.floor((i + 1) * step), Math.floor(i * step) + 1));
    return part.reduce((most, band) => (band.db > most.db ? band : most));
  });
}

/** Fast Fourier transform in place, radix 2. */
function transform(real: Float64Array, imaginary: Float64Array): void {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    [real[i], real[j]] = [real[j]!, real[i]!];
    [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
  }
  for (let length = 2; length <= n; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    for (let from = 0; from < n; from += length)
      for (let k = 0; k < length / 2; k++) {
        const [cos, sin] = [Math.cos(angle * k), Math.sin(angle * k)];
        const [a, b] = [from + k, from + k + length / 2];
        const re = real[b]! * cos - imaginary[b]! * sin;
        const im = real[b]! * sin + imaginary[b]! * cos;
        [real[b], imaginary[b]] = [real[a]! - re, imaginary[a]! - im];
        [real[a], imaginary[a]] = [real[a]! + re, imaginary[a]! + im];
      }
  }
}

/** Side lobes at -92 dB, so a loud tone does not hide a quiet one. */
function blackmanHarris(i: number, length: number): number {
  const x = (2 * Math.PI * (i + 0.5)) / length;
  return 0.35875 - 0.48829 * Math.cos(x) + 0.14128 * Math.cos(2 * x) - 0.01168 * Math.cos(3 * x);
}
