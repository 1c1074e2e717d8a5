import type { GenerationEvent, Generations, Shadow } from '../../../index/generations/generation-state.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { modelsOf } from '../../../index/index-manifest.ts';
import type { ActivateBody, CreateGenerationBody } from '../../../contract/indexes/generations.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { IndexId, TenantId } from '../../../kernel/ids.ts';
import { base32 } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import type { Rng } from '../../../kernel/rng.ts';
import type { Acting } from '../../tenancy/authority.ts';
import { mayTouchModels } from '../../tenancy/authority.ts';
import type { TextEmbedder } from '../../embeddings/text-embedder.ts';
import { embeddingSpace } from '../../embeddings/text-embedder.ts';
import type { IndexUser } from '../index-ref.ts';
import { mayTouchIndex } from '../index-ref.ts';
import type { IndexDirectory } from '../index-directory.ts';
import { isTruncating } from '../../../contract/embeddings/truncation.ts';
import { requestDigest } from '../../tenancy/subject.ts';
import { pinnedFields } from '../pinned-fields.ts';
import type { GenerationStore } from './generation-store.ts';
import { Composed } from '../../api/composed.ts';

// As for indexes: no two ever share an id.
const GENERATION_ID_CHARS = 16;
const CHANGE_TRIES = 60;
const POLL_MS = 50;

interface GenerationServiceParts {
  readonly store: GenerationStore;
  readonly directory: Pick<IndexDirectory, 'describe'>;
  readonly embedder: Pick<TextEmbedder, 'contractOf'>;
  /** Ensures that the work on the index's generations continues, whatever happens to this isolate. */
  readonly wake: (tenantId: TenantId, name: string) => Promise<Outcome<null>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What users ask of the generations of their indexes. */
export class GenerationService extends Composed<GenerationServiceParts> {
  async list(user: IndexUser, index: string): Promise<Outcome<Generations>> {
    const name = await this.#nameOf(user, index);
    return name.ok ? this.parts.store.call(user.tenantId, name.value, { kind: 'read' }, null) : name;
  }

  /** Refuses with `state_conflict` while there is another, `model_not_found`, `dimension_mismatch`, or `invalid_value` if nothing would differ. */
  async create(
    { principal, authority }: Acting,
    index: string,
    body: CreateGenerationBody,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Generations>> {
    const { store, wake, rng } = this.parts;
    const { organisationId, tenantId, projectId, keyId, owner } = principal;
    const named = await this.#nameOf(principal, index);
    if (!named.ok) return named;
    const name = named.value;
    const known = await store.call(tenantId, name, { kind: 'read' }, null);
    if (!known.ok) return known;
    const id = `ix_${base32(rng.bytes(GENERATION_ID_CHARS))}` as IndexId;
    const manifest = await this.#manifestOf(known.value.serving, body, id);
    if (!manifest.ok) return manifest;
    // [T55] Also the models that it inherits, unnamed, from the serving generation.
    const touched = mayTouchModels(principal, modelsOf(manifest.value));
    if (!touched.ok) return touched;
    const shadow: Shadow = {
      manifest: manifest.value,
      phase: 'opening',
      hasServed: false,
      owner: { organisationId, tenantId, projectId, keyId, owner },
      feed: null,
      filled: null,
      copied: 0,
      tokens: 0,
      ...(isTruncating(body.truncate) ? { isTruncating: true } : {}),
      comparison: null,
      fault: null,
      dropsMissing: false,
    };
    // Recorded before there is anything to do: otherwise no alarm would resume an interrupted creation.
    const woken = await wake(tenantId, name);
    if (!woken.ok) return woken;
    const creation = {
      idempotencyKey: idempotencyKey ?? null,
      bodyDigest: await requestDigest(principal, 'generation.create', { index: name, ...body }),
    };
    return store.call(tenantId, name, { kind: 'begin', shadow, creation }, authority);
  }

  /** Lets the other generation serve, and answers once it does or when that has been given up. */
  activate(acting: Acting, name: string, { allow_missing: dropsMissing }: ActivateBody): Promise<Outcome<Generations>> {
    return this.#exchange(acting, name, dropsMissing, () => undefined);
  }

  /** Lets the generation serve that did before. */
  rollback(acting: Acting, name: string, { allow_missing: dropsMissing }: ActivateBody): Promise<Outcome<Generations>> {
    return this.#exchange(acting, name, dropsMissing, ({ hasServed }) =>
      hasServed ? undefined : 'the other generation has never served: there is nothing to go back to',
    );
  }

  /** Erases the generation that does not serve, and answers once nothing of it is left. */
  async retire(acting: Acting, index: string): Promise<Outcome<Generations>> {
    const { tenantId } = acting.principal;
    const name = await this.#nameOf(acting.principal, index);
    if (!name.ok) return name;
    const begun = await this.#change(acting, name.value, () => ok({ kind: 'erasure' }));
    if (!begun.ok) return begun;
    return this.#settled(tenantId, name.value, ({ shadow }) => shadow === null);
  }

  /** Indexes go by aliases, too; their objects by their own names alone. */
  async #nameOf(user: IndexUser, index: string): Promise<Outcome<string>> {
    const described = await this.parts.directory.describe(user.tenantId, index);
    if (!described.ok) return described;
    const touched = mayTouchIndex(user, described.value);
    return touched.ok ? ok(described.value.name) : touched;
  }

  async #exchange(
    acting: Acting,
    index: string,
    dropsMissing: boolean,
    objection: (shadow: Shadow) => string | undefined,
  ): Promise<Outcome<Generations>> {
    const { principal } = acting;
    const name = await this.#nameOf(principal, index);
    if (!name.ok) return name;
    let target: IndexId | undefined;
    const begun = await this.#change(acting, name.value, (shadow) => {
      const touched = mayTouchModels(principal, modelsOf(shadow.manifest));
      if (!touched.ok) return touched;
      const why = objection(shadow);
      if (why !== undefined) return refuse('state_conflict', why);
      target = shadow.manifest.id;
      return ok({ kind: 'activation', generation: target, dropsMissing });
    });
    if (!begun.ok) return begun;
    const done = await this.#settled(principal.tenantId, name.value, ({ shadow }) => shadow?.phase === 'following');
    if (!done.ok || done.value.serving.id === target) return done;
    return refuse('state_conflict', `the generation does not serve: ${done.value.shadow?.fault ?? 'the switch was undone'}`);
  }

  /** Applies an event to whatever the state is by then. */
  async #change(
    { principal, authority }: Acting,
    name: string,
    eventFor: (shadow: Shadow) => Outcome<GenerationEvent>,
  ): Promise<Outcome<Generations>> {
    const { tenantId } = principal;
    const { store, wake, sleep } = this.parts;
    const woken = await wake(tenantId, name);
    if (!woken.ok) return woken;
    for (let tries = 1; ; tries += 1) {
      const known = await store.call(tenantId, name, { kind: 'read' }, null);
      if (!known.ok) return known;
      if (known.value.shadow === null) return refuse('state_conflict', 'the index has one generation only: create another first');
      const event = eventFor(known.value.shadow);
      if (!event.ok) return event;
      const changed = await store.call(tenantId, name, { kind: 'change', version: known.value.version, event: event.value }, authority);
      // Its work continues meanwhile, step by step; and resharding under way ends in a moment.
      if (changed.ok || !PASSING.has(changed.error.code) || tries === CHANGE_TRIES) return changed;
      await sleep(POLL_MS);
    }
  }

  async #settled(tenantId: TenantId, name: string, isSettled: (state: Generations) => boolean): Promise<Outcome<Generations>> {
    const { store, wake, sleep, clock } = this.parts;
    const endMs = clock.nowMs() + VECTOR_LIMITS.generationWaitMs;
    const woken = await wake(tenantId, name);
    if (!woken.ok) return woken;
    for (;;) {
      const known = await store.call(tenantId, name, { kind: 'read' }, null);
      if (!known.ok || isSettled(known.value)) return known;
      if (clock.nowMs() >= endMs)
        return refuse('deadline_exceeded', 'the change continues in the background: request the generations later');
      await sleep(POLL_MS);
    }
  }

  async #manifestOf(serving: IndexManifest, body: CreateGenerationBody, id: IndexId): Promise<Outcome<IndexManifest>> {
    const { routeVersion: _, replicas: ___, ...kept } = serving;
    const changes = { id, generation: serving.generation + 1, metric: body.metric ?? serving.metric };
    const recall = body.recall ?? serving.recall;
    const fields = body.fields === undefined ? ok(serving.fields) : await pinnedFields(this.parts.embedder, serving.tenantId, body.fields);
    if (!fields.ok) return fields;
    const settings = { ...(recall === undefined ? {} : { recall }), ...(fields.value === undefined ? {} : { fields: fields.value }) };
    if (body.model === undefined) return differing(serving, { ...kept, ...changes, ...settings });
    const space = await embeddingSpace(this.parts.embedder, serving.tenantId, body.model, body.query_model);
    if (!space.ok) return space;
    const { queryEmbedding: __, ...unpinned } = kept;
    return differing(serving, { ...unpinned, ...changes, ...settings, ...space.value });
  }
}

/** Refusals of a change that are worth another try at once. */
const PASSING: ReadonlySet<string> = new Set(['stale_fence', 'unavailable']);

const settingsOf = ({ metric, recall, embedding, queryEmbedding, fields = {} }: IndexManifest) =>
  JSON.stringify([metric, recall, embedding, queryEmbedding, fields]);

function differing(serving: IndexManifest, manifest: IndexManifest): Outcome<IndexManifest> {
  if (settingsOf(serving) !== settingsOf(manifest)) return ok(manifest);
  return refuse(
    'invalid_value',
    'the generation would not differ from the serving one: give another `model`, `query_model`, `metric` or `recall`, or other `fields`',
  );
}
