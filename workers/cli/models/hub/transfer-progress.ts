import type { WriteStream } from 'node:tty';

type Output = Pick<WriteStream, 'isTTY' | 'write'>;

const MEGABYTE = 1e6;

/** Shows on a terminal how far files have come; elsewhere a line for each that was downloaded. */
export class TransferProgress {
  readonly #output: Output;
  #shownPercent = -1;

  constructor(output: Output = process.stderr) {
    this.#output = output;
  }

  /** Of file `at` of `count`; call what it returns with the bytes that have come. */
  begin(verb: 'download' | 'upload', at: number, count: number, path: string, bytes: number): (done: number) => void {
    const label = `${verb} ${at + 1}/${count} ${path}`;
    this.#shownPercent = -1;
    if (this.#output.isTTY) this.#output.write(`\r\u001B[K${label}`);
    return (done) => {
      const percent = bytes === 0 ? 100 : Math.floor((done / bytes) * 100);
      if (percent === this.#shownPercent) return;
      this.#shownPercent = percent;
      const size = `${(done / MEGABYTE).toFixed(1)} of ${(bytes / MEGABYTE).toFixed(1)} MB`;
      if (this.#output.isTTY) this.#output.write(`\r\u001B[K${label} ${percent} % (${size})`);
      else if (done === bytes && verb === 'download') this.#output.write(`${label} (${size})\n`);
    };
  }

  end(): void {
    if (this.#output.isTTY) this.#output.write('\r\u001B[K');
  }
}
