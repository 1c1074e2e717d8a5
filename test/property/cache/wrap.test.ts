import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { CachedGetEmbedding } from '../../../src/cache/embedding-function.ts';
import { SharedTier, SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import type { wrap } from '../../../src/cache/cached-embedding.ts';
import { err } from '../../../src/kernel/result.ts';
import type { Err } from '../../../src/kernel/result.ts';
import { effort } from '../../support/fixtures/effort.ts';

const TEXTS = ['a', 'b', 'ab', 'ba', 'abc', 'zz', 'q', 'cab', 'bad', 'worse'];
const STALE_MS = 500;
const FAILURE_MS: Record<string, number> = { bad: 300, worse: 0 };

/** A text that starts with `bad` or `worse` is refused; the vector of any other encodes the text and the version. */
const vectorOf = (text: string, version: number): number[] => [version, ...Array.from(text, (char) => char.charCodeAt(0))];
const isBad = (text: string): boolean => text in FAILURE_MS;

type Step =
  | { kind: 'embed'; batches: string[][] }
  | { kind: 'pass'; ms: number }
  | { kind: 'forget'; texts: string[] | undefined }
  | { kind: 'race'; texts: string[]; forgotten: string[] | undefined; asksLate: boolean }
  | { kind: 'throw'; texts: string[] };

const batch = fc.array(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 10 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('embed' as const), batches: fc.array(batch, { minLength: 1, maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 600 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), texts: fc.option(batch, { nil: undefined, freq: 2 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('race' as const),
      texts: batch,
      forgotten: fc.option(batch, { nil: undefined }),
      asksLate: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('throw' as const), texts: batch }) },
);

const seen = { batches: 0, fresh: 0, stale: 0, joined: 0, computed: 0, failed: 0, raced: 0, thrown: 0, tier: 0 };
const TTL_MS: Record<string, number | undefined> = { a: 100, b: 400, ab: 900 };

interface Entry {
  version: number;
  expiresAtMs: number;
  failed: boolean;
}

/** A wrapped function, and a model of what must be cached, since when and until when. */
class Wrapped {
  readonly #withTier: boolean;
  readonly #staleMs: number;
  readonly #model = new Map<string, Entry>();
  readonly #embed: CachedGetEmbedding<string>;
  readonly #computed: string[] = [];
  #nowMs = 1_000;
  #version = 0;
  #throwing = false;
  #gate: Promise<unknown> = Promise.resolve();

  constructor(wrapIt: typeof wrap, withTier: boolean) {
    this.#withTier = withTier;
    this.#staleMs = withTier ? 0 : STALE_MS;
    const clock = { nowMs: () => this.#nowMs };
    const shared = SharedVectors.create({ entriesMax: 64, dimensionsMax: 8, keyCharsMax: 8, stripes: 4 });
    this.#embed = wrapIt<string>((inputs) => this.#compute(inputs), {
      clock,
      staleMs: this.#staleMs,
      ttlMs: (text) => TTL_MS[text],
      failureTtlMs: (failure) => FAILURE_MS[failure.split(':')[0]!]!,
      ...(withTier ? { tier: new SharedTier(shared, clock) } : {}),
    });
  }

  async take(step: Step): Promise<void> {
    this.#version += 1;
    this.#computed.length = 0;
    switch (step.kind) {
      case 'pass':
        this.#nowMs += step.ms;
        return;
      case 'forget':
        return this.#forget(step.texts);
      case 'throw':
        return this.#throw(step.texts);
      case 'embed':
        return this.#embedTogether(step.batches);
      case 'race':
        return this.#race(step.texts, step.forgotten, step.asksLate);
    }
  }

  count(): void {
    const { fresh, stale, joined, computed, tier } = this.#embed.stats();
    for (const [what, add] of Object.entries({ fresh, stale, joined, computed, tier })) seen[what as 'fresh'] += add;
  }

  async #compute(inputs: readonly string[]): Promise<(number[] | Err<string>)[]> {
    const [version, throws] = [this.#version, this.#throwing];
    this.#computed.push(...inputs);
    await this.#gate;
    if (throws) throw new Error('away');
    return inputs.map((text) => (isBad(text) ? err(`${text}:${version}`) : vectorOf(text, version)));
  }

  #outcomeOf(text: string): 'fresh' | 'stale' | 'miss' {
    const entry = this.#model.get(text);
    if (entry === undefined) return 'miss';
    if (this.#nowMs < entry.expiresAtMs) return 'fresh';
    return !entry.failed && this.#nowMs < entry.expiresAtMs + this.#staleMs ? 'stale' : 'miss';
  }

  /** The version of each text's vector in the answer, if what is missing is computed now. */
  #expected(texts: readonly string[]): Map<string, number> {
    return new Map(texts.map((text) => [text, this.#outcomeOf(text) === 'miss' ? this.#version : this.#model.get(text)!.version]));
  }

  #store(texts: Iterable<string>, version = this.#version): void {
    for (const text of texts) {
      const ttlMs = isBad(text) ? FAILURE_MS[text] : TTL_MS[text];
      if (ttlMs === 0) this.#model.delete(text);
      else this.#model.set(text, { version, expiresAtMs: this.#nowMs + (ttlMs ?? Infinity), failed: isBad(text) });
    }
  }

  #check(texts: readonly string[], answers: readonly (Float32Array | Err<string>)[], versions: ReadonlyMap<string, number>): void {
    const got = answers.map((answer) => (answer instanceof Float32Array ? [...answer] : answer));
    const versionOf = (text: string): number => versions.get(text)!;
    expect(got).toEqual(texts.map((text) => (isBad(text) ? err(`${text}:${versionOf(text)}`) : vectorOf(text, versionOf(text)))));
    // Callers own their answers: changing them must not change the cache.
    for (const answer of answers) if (answer instanceof Float32Array) answer.fill(-1);
  }

  /** Without texts, forgets everything. */
  async #forget(texts: readonly string[] | undefined): Promise<void> {
    expect(await (texts === undefined ? this.#embed.forgetAll() : this.#embed.forget(texts))).toBe(true);
    for (const text of texts ?? TEXTS) this.#model.delete(text);
  }

  async #throw(texts: readonly string[]): Promise<void> {
    this.#throwing = true;
    const expected = this.#expected(texts);
    const answer = this.#embed(texts);
    if (texts.some((text) => this.#outcomeOf(text) === 'miss')) {
      await expect(answer).rejects.toThrow('away');
      seen.thrown += 1;
    } else this.#check(texts, await answer, expected);
    // What could not be renewed stays stale.
    await later();
    this.#throwing = false;
  }

  async #embedTogether(batches: readonly string[][]): Promise<void> {
    const asked = batches.flat();
    const expected = this.#expected(asked);
    const wanted = new Set(asked.filter((text) => this.#outcomeOf(text) !== 'fresh'));
    const answers = await Promise.all(batches.map((texts) => this.#embed(texts)));
    batches.forEach((texts, i) => this.#check(texts, answers[i]!, expected));
    // Renewals in the background end a moment later.
    await later();
    expect([...this.#computed].sort()).toEqual([...wanted].sort());
    this.#store(wanted);
    seen.batches += batches.length;
    seen.failed += asked.filter((text) => isBad(text)).length;
  }

  /** Forgets texts during a batch and requests them again, before the batch is computed or after. */
  async #race(texts: readonly string[], forgotten: readonly string[] | undefined, asksLate: boolean): Promise<void> {
    const open = Promise.withResolvers<void>();
    this.#gate = open.promise;
    const older = this.#version;
    const expected = this.#expected(texts);
    const filled = texts.filter((text) => this.#outcomeOf(text) !== 'fresh' && forgotten?.includes(text) === false);
    const first = this.#embed(texts);
    await later();
    await this.#forget(forgotten);
    this.#version += 1;
    const again = forgotten ?? TEXTS;
    const second = asksLate ? undefined : this.#embed(again);
    await later();
    open.resolve();
    this.#gate = Promise.resolve();
    this.#check(texts, await first, expected);
    await later();
    this.#check(again, await (second ?? this.#embed(again)), this.#expected(again));
    await later();
    this.#store(again);
    seen.raced += filled.length;
    // With a shared tier, forgetting a key also discards fills in progress in its stripe: whether they were kept is not checked.
    if (this.#withTier) await this.#forget(filled);
    else this.#store(filled, older);
  }
}

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

async function history(taken: readonly Step[], withTier: boolean): Promise<void> {
  const { wrap: wrapIt } = await import('../../../src/cache/cached-embedding.ts');
  const wrapped = new Wrapped(wrapIt, withTier);
  for (const step of taken) await wrapped.take(step);
  wrapped.count();
}

const check = (numRuns: number, withTier: boolean) =>
  fc.check(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60, size: 'max' }), (all) => history(all, withTier)),
    {
      seed: 20_261_125,
      numRuns,
    },
  );

describe('a wrapped embedding function', () => {
  afterEach(() => {
    vi.doUnmock('../../../src/cache/batch-plan.ts');
    vi.resetModules();
  });

  it('[C43] [C44] [C45] [C46] answers in order, computes each miss once, and returns no forgotten text', async () => {
    const details = await check(effort(250), false);
    expect(details.failed, fc.defaultReportMessage(details) ?? '').toBe(false);
    expect(seen.batches).toBeGreaterThan(effort(5_000));
    for (const [what, count] of Object.entries(seen)) if (what !== 'tier') expect(count, what).toBeGreaterThan(100);
  });

  it('[C43] [C46] does so also with its vectors in shared memory', async () => {
    const details = await check(effort(100), true);
    expect(details.failed, fc.defaultReportMessage(details) ?? '').toBe(false);
    expect(seen.tier).toBeGreaterThan(100);
  });

  it('[C43] fails this test if it computes the wrong input for a key', async () => {
    vi.resetModules();
    const planBatch = (keys: string[]) => {
      const distinct = [...new Set(keys)];
      return { distinct, slotOf: Int32Array.from(keys, (key) => distinct.indexOf(key)), inputOf: Int32Array.from(distinct.keys()) };
    };
    vi.doMock('../../../src/cache/batch-plan.ts', async (original) => ({ ...(await original<object>()), planBatch }));
    expect((await check(50, false)).failed).toBe(true);
  });
});
