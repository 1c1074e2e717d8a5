import { LruCache } from '../../cache/lru-cache.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { PromptSelector } from '../../upstreams/prompts/prompt-record.ts';
import { noPrompt } from '../../upstreams/prompts/prompt-record.ts';
import type { PromptTemplate } from '../../upstreams/prompts/prompt-template.ts';
import { templateOf } from '../../upstreams/prompts/prompt-template.ts';
import type { PromptCalls } from './prompt-admin.ts';

interface DirectoryParts {
  readonly prompts: (tenantId: TenantId) => Pick<PromptCalls, 'select'>;
  readonly clock: Clock;
  /** Runs work that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

/** A version that calls get, ready to be filled in. */
export interface FoundPrompt {
  readonly name: string;
  readonly version: number;
  readonly template: PromptTemplate;
}

interface Known {
  /** Undefined: there is none. */
  readonly found: FoundPrompt | undefined;
  /** When the read that found it began. */
  readonly askedAtMs: number;
  /** When the last read in the background began. */
  renewedAtMs: number;
}

/** A copy is renewed in the background from half its lifetime on, which leaves a read far more time than it takes. */
const RENEWED_AFTER_MS = LIMITS.promptFreshMs / 2;

const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Finds the version that a name and a selector mean. An isolate's copy is at most `promptFreshMs` old, so calls follow a moved label or a
 * deletion within that time; while the object that stores the prompts does not answer, the copy is used for up to `promptStaleMs`. [U164]
 */
export class PromptDirectory {
  readonly #parts: DirectoryParts;
  readonly #known = new LruCache<Known>({ entriesMax: LIMITS.promptsKnownMaxCount, bytesMax: LIMITS.promptsKnownBytesMax });

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /** Refuses with `prompt_not_found`, or with `unavailable` where it cannot be determined. */
  async find(tenantId: TenantId, name: string, selector: PromptSelector): Promise<Outcome<FoundPrompt>> {
    const { clock, background } = this.#parts;
    const key = JSON.stringify([tenantId, name, selector]);
    const nowMs = clock.nowMs();
    const held = this.#known.get(key, nowMs);
    const isFresh = held !== undefined && nowMs - held.askedAtMs < LIMITS.promptFreshMs;
    if (isFresh && nowMs - Math.max(held.askedAtMs, held.renewedAtMs) >= RENEWED_AFTER_MS) {
      held.renewedAtMs = nowMs;
      background(this.#asked(key, tenantId, name, selector).catch(() => undefined));
    }
    const known = isFresh ? held : await this.#asked(key, tenantId, name, selector).catch(() => held);
    if (known === undefined) return refuse('unavailable', 'the prompt cannot be read now: repeat the call', 'prompt');
    return known.found === undefined ? noPrompt(selector === null ? name : `${name}@${selector}`, ['prompt', 'id']) : ok(known.found);
  }

  async #asked(key: string, tenantId: TenantId, name: string, selector: PromptSelector): Promise<Known> {
    const { prompts, clock } = this.#parts;
    const askedAtMs = clock.nowMs();
    const record = await prompts(tenantId).select(name, selector);
    const read = record === null ? undefined : templateOf(record);
    const template = read?.ok === true ? read.value : undefined;
    const found = record === null ? undefined : { name, version: record.version, template: must(template, 'stored versions were checked') };
    const known: Known = { found, askedAtMs, renewedAtMs: askedAtMs };
    const before = this.#known.get(key, askedAtMs);
    // A read that began later has the newer version.
    if (before !== undefined && before.askedAtMs > askedAtMs) return before;
    const bytes = ENTRY_OVERHEAD_BYTES + 2 * (record === null ? 0 : JSON.stringify(record).length);
    this.#known.set(key, known, bytes, askedAtMs + LIMITS.promptStaleMs);
    return known;
  }
}
