import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Failure } from '../../command/command.ts';
import { spawnGit } from './git.ts';

/** Reads blobs of a repository through one `git cat-file --batch`, one after another; it is started for the first. */
export class BlobReader {
  readonly #root: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #pieces: AsyncIterator<Buffer> | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(root: string) {
    this.#root = root;
  }

  /** Its bytes; undefined if the repository does not have it, as partial clones do not. */
  async read(blob: string): Promise<Buffer | undefined> {
    this.#child ??= spawnGit(this.#root, ['cat-file', '--batch']);
    this.#pieces ??= this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#child.stdin.write(`${blob}\n`);
    let end = this.#rest.indexOf(10);
    for (; end === -1; end = this.#rest.indexOf(10)) await this.#more(this.#pieces);
    const [, kind, size] = this.#rest.toString('latin1', 0, end).split(' ');
    this.#rest = this.#rest.subarray(end + 1);
    if (kind === 'missing') return undefined;
    const bytes = Number(size);
    while (this.#rest.length < bytes + 1) await this.#more(this.#pieces);
    const content = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes + 1);
    return content;
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child?.kill();
  }

  async #more(pieces: AsyncIterator<Buffer>): Promise<void> {
    const { value, done } = await pieces.next();
    if (done === true) throw new Failure('git cat-file ended early');
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}
