/** Speech below 8 kbit/s is not understood: what has so many bytes lasts no longer. */
const BYTES_PER_SECOND_MIN = 1_000;
/** What is compressed, in a format that is not looked into, has about 64 kbit/s. */
const BYTES_PER_SECOND_USUAL = 8_000;

/** How long a sound lasts at most, in milliseconds: by what its header says of a WAV file, else by its bytes at the lowest rate of speech. [U264] */
export const soundMsMax = (head: Uint8Array, bytes: number): number => lengthMs(bytes, wavRate(head) ?? BYTES_PER_SECOND_MIN);

/** About how long it lasts: by the header of a WAV file or the first frame of an MP3, else by its bytes at a usual rate; never more than at most. */
export const soundMsLikely = (head: Uint8Array, bytes: number): number =>
  Math.min(soundMsMax(head, bytes), lengthMs(bytes, wavRate(head) ?? mp3Rate(head) ?? BYTES_PER_SECOND_USUAL));

const lengthMs = (bytes: number, bytesPerSecond: number): number => Math.ceil((bytes * 1_000) / bytesPerSecond);

/**
 * In bytes a second: of `RIFF`, `WAVE` with samples that are not compressed, whose `fmt ` chunk comes first, the lower of the rate that it states and of that
 * which follows from its samples: decoders go by either. Undefined: none, or one that speech does not need.
 */
function wavRate(head: Uint8Array): number | undefined {
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (head.length < 36 || !text.startsWith('RIFF') || text.slice(8) !== 'WAVEfmt ') return undefined;
  const view = new DataView(head.buffer, head.byteOffset);
  const rate = Math.min(view.getUint32(28, true), (view.getUint32(24, true) * view.getUint16(22, true) * view.getUint16(34, true)) / 8);
  return rate >= BYTES_PER_SECOND_MIN ? rate : undefined;
}

/** In kbit/s, by the index in the header of a frame of layer III (ISO 11172-3, 2.4.2.3; ISO 13818-3, 2.4.2.3). */
const MPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

function mp3Rate(head: Uint8Array): number | undefined {
  // What comes before the first frame are tags, whose length their header says (ID3v2, 3.1).
  const isTagged = head[0] === 0x49 && head[1] === 0x44 && head[2] === 0x33;
  const size = [6, 7, 8, 9].reduce((sum, at) => sum * 128 + ((head[at] ?? 0) & 0x7f), 0);
  const at = isTagged ? 10 + size : 0;
  const [first = 0, second = 0, third = 0] = head.subarray(at, at + 3);
  if (first !== 0xff || (second & 0xe6) !== 0xe2) return undefined;
  const kilobits = ((second & 0x18) === 0x18 ? MPEG1 : MPEG2)[third >> 4];
  return kilobits === undefined || kilobits === 0 ? undefined : kilobits * 125;
}
