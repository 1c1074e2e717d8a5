import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { base32 } from '../../kernel/ids.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { isObject, exactObject, textAt, textsAt } from '../../upstreams/protocol/json.ts';
import type { SqliteStoredAnswers } from '../../upstreams/store/sqlite-stored-answers.ts';
import { historyOf, itemsOf, shownItems } from '../../upstreams/stored/conversation-items.ts';
import type {
  StoredAnswer,
  StoredFilter,
  StoredKind,
  StoredListing,
  StoredPage,
  StoredPolicy,
} from '../../upstreams/stored/stored-answer.ts';
import { Composed } from '../api/composed.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { AnswerPieces } from './answer-pieces.ts';
import { StoredStream } from './stored-stream.ts';

type StoreReading = 'find' | 'history' | 'page' | 'remove' | 'setMetadata' | 'policy' | 'count' | 'erase';

/** The stored answers of one tenant, wherever they are: see `StoredAnswerObject`. */
export interface StoredAnswerCalls extends Remote<Pick<SqliteStoredAnswers, StoreReading>> {
  put(answer: StoredAnswer): Promise<Outcome<{ readonly isKept: boolean }>>;
  setPolicy(policy: StoredPolicy): Promise<Outcome<StoredPolicy>>;
}

interface StoredAnswersParts {
  readonly storeOf: (tenant: TenantId) => StoredAnswerCalls;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What is done with the answer to a call, under an id of Sluice's own. */
export interface Keeping {
  /** The answer as the caller gets it, once it is stored. */
  whole(text: string): Promise<string>;
  /** The same of a stream: its last event comes once the answer is stored. */
  stream(pieces: AnswerPieces): AnswerPieces;
}

/** A call as it goes on, with the turns that it goes on from. */
interface OpenedCall {
  readonly body: JsonObject;
  /** Absent: its answer is not stored. */
  readonly keeping?: Keeping;
}

/** Ids of responses that Sluice has given. Upstreams give longer ones. */
const OWN_ID = /^resp_[0-9a-z]{26}$/;
const PREFIXES: Readonly<Record<StoredKind, string>> = { response: 'resp_', chat: 'chatcmpl-' };
const ABSENT = { response: 'response_not_found', chat: 'chat_completion_not_found' } as const;

/** The answers that tenants store, and calls that go on from them. [U245] [U247] */
export class StoredAnswers extends Composed<StoredAnswersParts> {
  /**
   * Refuses with `previous_response_not_found` what goes on from a response that is not there, or no more, and with `limit_exceeded` a
   * conversation that is too long. A response that an upstream stores is the upstream's to find: such calls go on as they came.
   */
  async open(acting: Acting, surface: Surface, body: JsonObject): Promise<Outcome<OpenedCall>> {
    if (surface === 'chat') return ok(body['store'] === true ? { body, keeping: this.#keeping(acting, 'chat', body, null) } : { body });
    if (surface !== 'responses') return ok({ body });
    if (body['background'] === true) return refuse('invalid_value', 'must be false: answers are waited for, or streamed', 'background');
    const previous = body['previous_response_id'] ?? null;
    const isUpstreams = typeof previous === 'string' && !OWN_ID.test(previous);
    if (isUpstreams || isGiven(body['conversation'])) return ok({ body });
    const continued = typeof previous === 'string' ? await this.#continued(acting.principal, body, previous) : ok(body);
    if (!continued.ok) return continued;
    if (body['store'] === false) return ok({ body: continued.value });
    return ok({ body: continued.value, keeping: this.#keeping(acting, 'response', body, previous as string | null) });
  }

  async find(principal: TenantPrincipal, kind: StoredKind, id: string): Promise<Outcome<StoredAnswer>> {
    const found = await this.#store(principal).find(id, visibleTo(principal, kind));
    return found === undefined ? absent(kind, id) : ok(found);
  }

  /** Refuses an `after` that is not there. */
  async list(principal: TenantPrincipal, { kind, ...listing }: Omit<StoredListing, 'keyId'>): Promise<Outcome<StoredPage>> {
    const page = await this.#store(principal).page({ ...listing, ...visibleTo(principal, kind) });
    return page === undefined ? absent(kind, listing.after ?? '', 'after') : ok(page);
  }

  async remove({ principal, authority }: Acting, kind: StoredKind, id: string): Promise<Outcome<null>> {
    const lasting = await authority.lease();
    if (!lasting.ok) return lasting;
    return (await this.#store(principal).remove(id, visibleTo(principal, kind))) ? ok(null) : absent(kind, id);
  }

  /** Of a chat: the completion has them. */
  async setMetadata(
    { principal, authority }: Acting,
    id: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<Outcome<StoredAnswer>> {
    const found = await this.find(principal, 'chat', id);
    if (!found.ok) return found;
    const lasting = await authority.lease();
    if (!lasting.ok) return lasting;
    const answer = JSON.stringify({ ...exactObject(found.value.answer), metadata });
    const changed = await this.#store(principal).setMetadata(id, visibleTo(principal, 'chat'), metadata, answer);
    return changed === undefined ? absent('chat', id) : ok(changed);
  }

  /** What the model was given for a response, the oldest first: the turns that it goes on from included. */
  async inputItems(principal: TenantPrincipal, id: string): Promise<Outcome<readonly JsonObject[]>> {
    const history = await this.#store(principal).history(id, visibleTo(principal, 'response'));
    switch (history.kind) {
      case 'turns':
        return ok(shownItems(history.turns));
      case 'too_long':
        return tooLong(history.limit, 'response');
      case 'absent':
        return absent('response', history.id);
    }
  }

  policy(principal: TenantPrincipal): Promise<StoredPolicy> {
    return this.#store(principal).policy();
  }

  async setPolicy({ principal, authority }: Acting, policy: StoredPolicy): Promise<Outcome<StoredPolicy>> {
    const lasting = await authority.lease();
    return lasting.ok ? this.#store(principal).setPolicy(policy) : lasting;
  }

  async #continued(principal: TenantPrincipal, body: JsonObject, previous: string): Promise<Outcome<JsonObject>> {
    const asked = itemsOf(body['input'] ?? []);
    if (asked === undefined) return refuse('invalid_value', 'must be a text or a list of items', 'input');
    const history = await this.#store(principal).history(previous, visibleTo(principal, 'response'));
    if (history.kind === 'absent') {
      const gone = history.id === previous ? '' : `, from which ${previous} goes on`;
      return refuse('previous_response_not_found', `no response ${history.id} is stored${gone}`, 'previous_response_id');
    }
    if (history.kind === 'too_long') return tooLong(history.limit, 'previous_response_id');
    const { previous_response_id: _, ...rest } = body;
    const input = [...historyOf(history.turns), ...asked];
    const isTooLong = JSON.stringify(input).length > COMPLETION_LIMITS.completionBodyBytesMax;
    return isTooLong ? tooLong('completionBodyBytesMax', 'previous_response_id') : ok({ ...rest, input });
  }

  #keeping(acting: Acting, kind: StoredKind, body: JsonObject, previous: string | null): Keeping {
    const id = `${PREFIXES[kind]}${base32(this.parts.rng.bytes(26))}`;
    const asked = kind === 'chat' ? (body['messages'] ?? []) : (itemsOf(body['input'] ?? []) ?? []);
    const metadata = textsAt(body, 'metadata');
    const keep = async (answer: JsonObject): Promise<JsonObject> => {
      const kept = { ...answer, id, ...(kind === 'chat' ? {} : { previous_response_id: previous, store: true }) };
      const isKept = await this.#put(acting, {
        id,
        kind,
        keyId: acting.principal.keyId,
        atMs: this.parts.clock.nowMs(),
        model: textAt(answer, 'model') ?? '',
        metadata,
        previous,
        asked: JSON.stringify(asked),
        answer: JSON.stringify(kind === 'chat' ? { ...kept, metadata } : kept),
      });
      return isKept || kind === 'chat' ? kept : { ...kept, store: false };
    };
    const shown = (answer: JsonObject): JsonObject =>
      kind === 'chat' ? { ...answer, id } : { ...answer, id, previous_response_id: previous };
    return {
      async whole(text) {
        const answer = exactObject(text);
        return answer === undefined || !isDone(kind, answer) ? text : JSON.stringify(await keep(answer));
      },
      stream: (pieces) => new StoredStream(pieces, { kind, shown, keep }),
    };
  }

  /** The caller has paid for its answer, and gets it whatever becomes of this. */
  async #put({ principal, authority }: Acting, answer: StoredAnswer): Promise<boolean> {
    try {
      const lasting = await authority.lease();
      const put = lasting.ok ? await this.#store(principal).put(answer) : lasting;
      return put.ok && put.value.isKept;
    } catch {
      return false;
    }
  }

  #store({ tenantId }: TenantPrincipal): StoredAnswerCalls {
    return this.parts.storeOf(tenantId);
  }
}

/** Whether an answer is one that is stored: a response that has failed is none. */
export const isDone = (kind: StoredKind, answer: JsonObject): boolean =>
  kind === 'chat' ? Array.isArray(answer['choices']) : answer['status'] === 'completed' || answer['status'] === 'incomplete';

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && (!isObject(value) || Object.keys(value).length > 0);

/** A key that is restricted to some resources may know of its own answers only, as of its own requests. [U138] */
const visibleTo = ({ resources, keyId }: TenantPrincipal, kind: StoredKind): StoredFilter =>
  resources === undefined ? { kind } : { kind, keyId };

const NAMES = { response: 'response', chat: 'chat completion' } as const;

const absent = (kind: StoredKind, id: string, at: 'response' | 'completion' | 'after' = kind === 'chat' ? 'completion' : 'response') =>
  refuseResource(
    ABSENT[kind],
    { kind: kind === 'chat' ? 'chat_completion' : 'response', name: id },
    `no ${NAMES[kind]} ${id} is stored`,
    at,
  );

const tooLong = (limit: 'storedTurnsMaxCount' | 'completionBodyBytesMax', path: string) =>
  refuseBeyond({ path, limit, what: 'the conversation is too long', advice: 'begin a new one, with what of it matters as `input`' });
