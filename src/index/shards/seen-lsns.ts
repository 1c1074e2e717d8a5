import type { IndexManifest } from '../index-manifest.ts';
import { LIMITS } from '../../contract/limits.ts';

/** The highest LSN that this isolate has seen of each index: what it writes later is above. Of the indexes that it saw something of last. */
export class SeenLsns {
  readonly #lsns = new Map<string, number>();

  of({ id }: IndexManifest): number {
    return this.#lsns.get(id) ?? 0;
  }

  note(manifest: IndexManifest, lsn: number): void {
    const highest = Math.max(lsn, this.of(manifest));
    this.#lsns.delete(manifest.id);
    this.#lsns.set(manifest.id, highest);
    const [oldest] = this.#lsns.keys();
    if (this.#lsns.size > LIMITS.seenIndexesMaxCount && oldest !== undefined) this.#lsns.delete(oldest);
  }
}
