/** A grey image, row by row: 0 black, 1 white. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** Letters of five by seven dots, each row as five bits. */
const FONT: Readonly<Record<string, readonly number[]>> = {
  ' ': [0, 0, 0, 0, 0, 0, 0],
  A: [14, 17, 17, 31, 17, 17, 17],
  C: [14, 17, 16, 16, 16, 17, 14],
  E: [31, 16, 16, 30, 16, 16, 31],
  I: [14, 4, 4, 4, 4, 4, 14],
  L: [16, 16, 16, 16, 16, 16, 31],
  N: [17, 25, 25, 21, 19, 19, 17],
  O: [14, 17, 17, 17, 17, 17, 14],
  P: [30, 17, 17, 30, 16, 16, 16],
  S: [15, 16, 16, 14, 1, 1, 30],
  T: [31, 4, 4, 4, 4, 4, 4],
  U: [17, 17, 17, 17, 17, 17, 14],
  '2': [14, 17, 1, 6, 8, 16, 31],
  '6': [14, 16, 16, 30, 17, 17, 14],
  '0': [14, 17, 19, 21, 25, 17, 14],
};
const [COLUMNS, ROWS] = [5, 7];

const white = (width: number, height: number): GreyImage => ({ width, height, pixels: new Float32Array(width * height).fill(1) });

/** A page with one line of black letters, whose dots are squares of `dot` pixels, at `left` and `top`. */
export function pageWith(
  text: string,
  page: { width: number; height: number },
  { left, top, dot }: { left: number; top: number; dot: number },
): GreyImage {
  const image = white(page.width, page.height);
  for (const [i, letter] of text.split('').entries()) {
    for (let y = 0; y < ROWS * dot; y += 1) {
      const row = FONT[letter]?.[Math.floor(y / dot)] ?? 0;
      for (let x = 0; x < COLUMNS * dot; x += 1) {
        const isBlack = (row >> (COLUMNS - 1 - Math.floor(x / dot))) & 1;
        if (isBlack === 1) image.pixels[(top + y) * page.width + left + i * (COLUMNS + 1) * dot + x] = 0;
      }
    }
  }
  return image;
}

/** The part of an image, stretched to a height. */
export function cropped(
  { width, pixels }: GreyImage,
  box: { left: number; top: number; right: number; bottom: number },
  height: number,
): GreyImage {
  const scale = height / (box.bottom - box.top);
  const wide = Math.round((box.right - box.left) * scale);
  const made = white(wide, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < wide; x += 1)
      made.pixels[y * wide + x] = pixels[(box.top + Math.floor(y / scale)) * width + box.left + Math.floor(x / scale)] ?? 1;
  }
  return made;
}

/** As networks for images take them: three equal planes, from -1 to 1. */
export const planesOf = ({ pixels }: GreyImage): Float32Array<ArrayBuffer> => {
  const plane = Array.from(pixels, (grey) => 2 * grey - 1);
  return Float32Array.from([...plane, ...plane, ...plane]);
};

/** The box around all that a map says is text: a detector marks the middle of a line, which is half as high as the line. */
export function textBox(map: Float32Array, width: number): { left: number; top: number; right: number; bottom: number } {
  const at = [...map.keys()].filter((i) => (map[i] ?? 0) > 0.3);
  const [xs, ys] = [at.map((i) => i % width), at.map((i) => Math.floor(i / width))];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys) + 1];
  const margin = Math.round((bottom - top) / 2);
  return {
    left: Math.max(0, Math.min(...xs) - margin),
    right: Math.min(width, Math.max(...xs) + margin),
    top: Math.max(0, top - margin),
    bottom: Math.min(map.length / width, bottom + margin),
  };
}

/** What a recogniser reads: the likeliest class of each step, blanks (0) and repetitions left out. */
export function readSteps(steps: Float32Array, keys: readonly string[]): string {
  const classes = keys.length + 2;
  let [text, last] = ['', 0];
  for (let from = 0; from < steps.length; from += classes) {
    const step = steps.subarray(from, from + classes);
    const best = step.indexOf(Math.max(...step));
    if (best !== 0 && best !== last) text += keys[best - 1] ?? ' ';
    last = best;
  }
  return text;
}
