/** The part of the optional native addon that we use: an encoder for 16-bit little-endian samples in a Buffer. */
export interface NativeOpusEncoder {
  encode(pcm: Buffer): Buffer;
  applyEncoderCTL(request: number, value: number): void;
}

export type NativeOpusEncoderClass = new (sampleRate: number, channels: number) => NativeOpusEncoder;

/** Optional: built or fetched at install, absent where neither works. A variable, so that types are not needed to build. */
const ADDON: string = '@discordjs/opus';

/** The addon's encoder class, or undefined when it is not installed or does not load on this machine. */
export async function loadNativeOpus(): Promise<NativeOpusEncoderClass | undefined> {
  try {
    const addon: unknown = await import(ADDON);
    return encoderClassIn(addon) ?? encoderClassIn((addon as { default?: unknown }).default);
  } catch {
    return undefined;
  }
}

function encoderClassIn(addon: unknown): NativeOpusEncoderClass | undefined {
  const found = (addon as { OpusEncoder?: unknown } | undefined)?.OpusEncoder;
  return typeof found === 'function' ? (found as NativeOpusEncoderClass) : undefined;
}
