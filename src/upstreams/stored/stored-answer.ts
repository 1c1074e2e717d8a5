import type { KeyId } from '../../kernel/ids.ts';

/** Which API a stored answer belongs to. */
export type StoredKind = 'response' | 'chat';

/** What a stored answer is found by. */
export interface StoredFacts {
  readonly id: string;
  readonly kind: StoredKind;
  readonly keyId: KeyId;
  readonly atMs: number;
  readonly model: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The response that this one goes on from; null: none. */
  readonly previous: string | null;
}

/** An answer with what was asked. */
export interface StoredAnswer extends StoredFacts {
  /** JSON: the items of the input of a response, the messages of a chat. Not those that it goes on from. */
  readonly asked: string;
  /** JSON: as the caller got it. */
  readonly answer: string;
}

/** One turn of a conversation. */
export type StoredTurn = Pick<StoredAnswer, 'id' | 'asked' | 'answer'>;

/** Which stored answers a caller looks for. */
export interface StoredFilter {
  readonly kind: StoredKind;
  /** Only those of this key. Absent: of all. */
  readonly keyId?: KeyId;
}

export interface StoredListing extends StoredFilter {
  readonly model?: string;
  /** Pairs that all have to be there. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly order: 'asc' | 'desc';
  /** The id of the last answer of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface StoredPage {
  readonly answers: readonly StoredAnswer[];
  readonly hasMore: boolean;
}

/** How a tenant's answers are kept. */
export interface StoredPolicy {
  /** 0: nothing is stored. */
  readonly retentionDays: number;
}

/** The turns of a conversation, the first one first; or the id at which it cannot be followed, and why. */
export type StoredHistory =
  | { readonly kind: 'turns'; readonly turns: readonly StoredTurn[] }
  | { readonly kind: 'absent'; readonly id: string }
  | { readonly kind: 'too_long'; readonly limit: 'storedTurnsMaxCount' | 'completionBodyBytesMax' };
