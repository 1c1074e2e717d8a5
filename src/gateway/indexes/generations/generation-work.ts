import type { FillCursor, GenerationEvent, Generations, Shadow } from '../../../index/generations/generation-state.ts';
import { followerWith } from '../../../ann/access-mode.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { ERRORS, messageOf } from '../../../contract/api/errors.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { must } from '../../../kernel/assert.ts';
import { sha256Hex } from '../../../kernel/bytes.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { TenantId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { FollowedShards } from './change-feed.ts';
import { compare } from './compare.ts';
import type { Copy, CopyParts } from './copy-vectors.ts';
import { fillPage, renew } from './copy-vectors.ts';
import type { GenerationStore } from './generation-store.ts';
import { Composed } from '../../api/composed.ts';

export interface GenerationWorkParts extends CopyParts {
  readonly store: GenerationStore;
  readonly followed: FollowedShards;
  readonly clock: Clock;
}

/** One run of the work on an index's generations. Its number is above those of all runs before it, whose late calls shards refuse. */
interface Run {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly number: number;
}

/** Null: nothing to do for now. */
type Step = Outcome<Generations | null>;

/**
 * Fills the shadow generation, keeps it up to date, and exchanges the two. Every step is done before it is recorded, may be repeated, and
 * begins from the state in the index's object: so interrupted work continues where it was. Rules: SPEC.md in this folder.
 */
export class GenerationWork extends Composed<GenerationWorkParts> {
  /** Works for a while; returns after how many milliseconds to continue, or null when there is no shadow generation. */
  async advance(tenantId: TenantId, name: string): Promise<number | null> {
    const { store, clock } = this.parts;
    const known = await store.call(tenantId, name, { kind: 'read' }, null);
    if (!known.ok) return known.error.code === 'index_not_found' ? null : VECTOR_LIMITS.generationRetryMs;
    if (known.value.shadow === null) return null;
    const claim = { kind: 'change', version: known.value.version, event: { kind: 'claimed' } } as const;
    const claimed = await store.call(tenantId, name, claim, null);
    if (!claimed.ok) return VECTOR_LIMITS.generationRetryMs;
    const run = { tenantId, name, number: claimed.value.version };
    const endMs = clock.nowMs() + VECTOR_LIMITS.generationRunMs;
    let [state, refusals] = [claimed.value, 0];
    for (let slice = 0; slice < VECTOR_LIMITS.generationSlicesMaxCount && clock.nowMs() < endMs; slice += 1) {
      const step = await this.#step(run, state);
      if (step.ok && step.value === null) return VECTOR_LIMITS.generationIdleMs;
      if (step.ok) {
        state = must(step.value, 'null was answered before');
        refusals = 0;
        if (state.shadow === null) return null;
        continue;
      }
      refusals += 1;
      const settled = await this.#afterRefusal(run, state, step.error, refusals);
      // A request came in meanwhile: it is processed at once.
      if (step.error.code === 'stale_fence') return 0;
      if (settled === undefined) return step.error.retryAfterMs ?? VECTOR_LIMITS.generationRetryMs;
      state = settled;
    }
    return 0;
  }

  /** Continues the exchange for a few tries, and then gives it up: writes wait meanwhile. Undefined: to be continued later. */
  async #afterRefusal(run: Run, state: Generations, error: Refusal, refusals: number): Promise<Generations | undefined> {
    const phase = state.shadow?.phase;
    if (error.code === 'stale_fence' || (phase !== 'sealing' && phase !== 'draining')) return undefined;
    if (ERRORS[error.code].retryable && refusals < VECTOR_LIMITS.generationExchangeTriesMax) return state;
    const given = await this.#report(run, state, { kind: 'given-up', fault: messageOf(error) });
    return given.ok ? given.value : undefined;
  }

  async #step(run: Run, state: Generations): Promise<Step> {
    const { store, followed, shards } = this.parts;
    const { serving } = state;
    const shadow = must(state.shadow, 'there is another generation');
    const reported = async (done: Outcome<unknown>, event: GenerationEvent): Promise<Step> =>
      done.ok ? this.#report(run, state, event) : done;
    switch (shadow.phase) {
      case 'opening':
        return this.#open(run, state);
      case 'clearing': {
        const selection = { kind: 'all' } as const;
        const cleared = await shards
          .of(shadow.manifest)
          .write('delete', { indexId: shadow.manifest.id, caller: followerWith(run.number), selection }, null);
        return reported(cleared, { kind: 'cleared' });
      }
      case 'filling':
        return this.#fill(run, state, shadow);
      case 'comparing': {
        const compared = await compare(shards, serving, shadow.manifest, run.number);
        return compared.ok ? this.#report(run, state, { kind: 'compared', comparison: compared.value }) : compared;
      }
      case 'following':
        return this.#follow(run, state, shadow);
      case 'sealing':
        return reported(await followed.setAccess(serving, 'sealed', run.number), { kind: 'sealed' });
      case 'draining':
        return this.#drain(run, state, shadow);
      case 'unsealing':
        return reported(await followed.setAccess(serving, 'open', run.number), { kind: 'unsealed' });
      case 'closing': {
        const closed = await followed.setAccess(shadow.manifest, 'closed', run.number);
        // No call writes into the generation that now serves before its access mode opens: its changes are followed from the first.
        const feed = closed.ok ? await followed.begin(serving, shadow.feed) : closed;
        return feed.ok ? this.#report(run, state, { kind: 'closed', feed: feed.value }) : feed;
      }
      case 'switching':
        return reported(await followed.setAccess(serving, 'open', run.number), { kind: 'switched' });
      case 'erasing':
        return store.call(run.tenantId, run.name, { kind: 'erase' }, null);
    }
  }

  async #open(run: Run, state: Generations): Promise<Step> {
    const opened = await this.parts.store.call(run.tenantId, run.name, { kind: 'open', run: run.number }, null);
    const feed = opened.ok ? await this.parts.followed.begin(state.serving, null) : opened;
    return feed.ok ? this.#report(run, state, { kind: 'opened', feed: feed.value }) : feed;
  }

  /** A page of what is there, then a page of what changed: a long copy must not outlast the log of removals. */
  async #fill(run: Run, state: Generations, shadow: Shadow): Promise<Step> {
    const page = await fillPage(this.parts, this.#copy(run, state), shadow.filled);
    if (!page.ok) return page;
    const { filled, ...counts } = page.value;
    const copied = await this.#report(run, state, { kind: 'copied', filled: filled satisfies FillCursor, ...counts });
    if (!copied.ok || copied.value.shadow === null) return copied;
    const followed = await this.#follow(run, copied.value, copied.value.shadow);
    return followed.ok && followed.value === null ? copied : followed;
  }

  /** Null when nothing has changed. */
  async #follow(run: Run, state: Generations, shadow: Shadow): Promise<Step> {
    const feed = must(shadow.feed, 'what is followed is followed from somewhere');
    const page = await this.parts.followed.changes(state.serving, feed);
    if (!page.ok) return page;
    if (page.value === null) return this.#report(run, state, { kind: 'lost' });
    const { isCleared, changed, next, isComplete } = page.value;
    const copy = this.#copy(run, state);
    const carried = await this.parts.followed.carryReceipts(copy, shadow.receipts ?? null);
    if (!carried.ok) return carried;
    const receipts = carried.value;
    const isStill = isComplete && !isCleared && changed.ids.length === 0;
    if (isStill && JSON.stringify([next, receipts]) === JSON.stringify([feed, shadow.receipts])) return ok(null);
    if (isCleared) {
      const cleared = await this.parts.shards
        .of(copy.to)
        .write('delete', { indexId: copy.to.id, caller: followerWith(run.number), selection: { kind: 'all' } }, null);
      if (!cleared.ok) return cleared;
    }
    const renewed = await renew(this.parts, copy, changed, `${copy.to.id}:changes:${await sha256Hex(JSON.stringify(feed))}`);
    return renewed.ok ? this.#report(run, state, { kind: 'followed', feed: next, receipts, ...renewed.value }) : renewed;
  }

  /** The last changes of a generation that takes no writes any more. Whatever is not carried over then never would be. */
  async #drain(run: Run, state: Generations, shadow: Shadow): Promise<Step> {
    const followed = await this.#follow(run, state, shadow);
    if (!followed.ok || followed.value !== null) return followed;
    const missing = await this.#missing(run, state);
    if (!missing.ok) return missing;
    if (missing.value > 0 && !shadow.dropsMissing) {
      const fault = `${missing.value} vectors have no text, so the other generation lacks them`;
      return this.#report(run, state, { kind: 'given-up', fault });
    }
    return this.#report(run, state, { kind: 'drained' });
  }

  async #missing(run: Run, { serving, shadow }: Generations): Promise<Outcome<number>> {
    const { followed } = this.parts;
    const other = must(shadow, 'there is another generation').manifest;
    const [here, there] = await Promise.all([followed.count(serving, run.number), followed.count(other, run.number)]);
    if (!here.ok) return here;
    return there.ok ? ok(here.value - there.value) : there;
  }

  #report({ tenantId, name }: Run, { version }: Generations, event: GenerationEvent): Promise<Outcome<Generations>> {
    return this.parts.store.call(tenantId, name, { kind: 'change', version, event }, null);
  }

  #copy({ number }: Run, { serving, shadow }: Generations): Copy {
    const { manifest, owner, isTruncating = false } = must(shadow, 'there is another generation');
    return { from: serving, to: manifest, owner, isTruncating, run: number };
  }
}
