import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { ChangedBy } from '../src/contract/write-lease.ts';
import type { KeyedRequest } from '../src/kernel/sql/spent-keys.ts';
import type { PromptRecord, PromptSelector, PromptVersionRecord } from '../src/upstreams/prompts/prompt-record.ts';
import type { MadePromptVersion, NewPromptVersion } from '../src/upstreams/prompts/prompt-registry.ts';
import { PromptRegistry } from '../src/upstreams/prompts/prompt-registry.ts';
import { systemClock } from './system-time.ts';

/** The prompts of one tenant. See `PromptRegistry`. */
export class PromptObject extends DurableObject {
  readonly #registry = new PromptRegistry(this.ctx.storage, systemClock);

  add(next: NewPromptVersion, request: KeyedRequest | null, by: ChangedBy): Outcome<MadePromptVersion> {
    return this.#registry.add(next, request, by);
  }

  label(name: string, label: string, version: number, by: ChangedBy): Outcome<PromptRecord> {
    return this.#registry.label(name, label, version, by);
  }

  unlabel(name: string, label: string, by: ChangedBy): Outcome<PromptRecord> {
    return this.#registry.unlabel(name, label, by);
  }

  remove(name: string, by: ChangedBy): Outcome<null> {
    return this.#registry.remove(name, by);
  }

  page(after: string, count: number): readonly PromptRecord[] {
    return this.#registry.page(after, count);
  }

  find(name: string): PromptRecord | null {
    return this.#registry.find(name) ?? null;
  }

  versions(name: string, after: number, count: number): readonly PromptVersionRecord[] {
    return this.#registry.versions(name, after, count);
  }

  select(name: string, selector: PromptSelector): PromptVersionRecord | null {
    return this.#registry.select(name, selector) ?? null;
  }

  /** Deletes everything; later writes are refused. */
  erase(): void {
    this.#registry.erase();
  }
}
