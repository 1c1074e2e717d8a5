import type { CutCounts } from '../../contract/embeddings/truncation.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { IndexId } from '../../kernel/ids.ts';
import type { Creation } from '../index-lifecycle.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { AccessMode } from '../../ann/access-mode.ts';
import type { ChangeCursor } from '../../ann/store/change-log.ts';

/** How far the changes of an index have been followed, by the ordinals of its shards. */
export type FeedCursor = Readonly<Record<string, ChangeCursor>>;

/** How far the receipts of an index have been taken over, by what keeps them: an only shard, or locators. */
export type ReceiptCursor = Readonly<Record<string, number>>;

/** A position in the order of namespaces and ids. */
export interface FillCursor {
  readonly namespace: string;
  readonly id: string | null;
}

/** What searches in two generations have in common. */
export interface Comparison {
  readonly samples: number;
  /** The share of the ten nearest in the serving generation that are among the ten nearest in the other. */
  readonly overlapAt10: number;
  /** Discounted gain of the other generation's ten nearest, where the ranks in the serving generation set the gains; 1 for the same order. */
  readonly ndcgAt10: number;
}

/**
 * The phase of the shadow generation:
 *
 *     opening -> clearing -> filling -> comparing -> following                   a copy is made, then kept up to date
 *     following -> sealing -> draining -> closing -> switching -> following      the exchange
 *                  sealing, draining -> unsealing -> following                   the exchange is given up
 *     any but those of the exchange -> erasing -> gone
 */
export type Phase =
  | 'opening'
  | 'clearing'
  | 'filling'
  | 'comparing'
  | 'following'
  | 'sealing'
  | 'draining'
  | 'unsealing'
  | 'closing'
  | 'switching'
  | 'erasing';

/** On whose behalf and whose bill the work is done. */
export type GenerationOwner = Pick<TenantPrincipal, 'organisationId' | 'tenantId' | 'projectId' | 'keyId' | 'owner'>;

/** The shadow generation: the next, or the previous. It follows the serving one, write by write. */
export interface Shadow {
  readonly manifest: IndexManifest;
  readonly phase: Phase;
  /** Whether it served before. */
  readonly hasServed: boolean;
  readonly owner: GenerationOwner;
  /** Where the changes of the serving generation are read from; null while they need not be followed. */
  readonly feed: FeedCursor | null;
  /** Up to where the receipts of the serving generation are here, too. Absent or null: from the first one on they are still to come. */
  readonly receipts?: ReceiptCursor | null;
  /** Up to where the serving generation has been copied; null at its beginning. */
  readonly filled: FillCursor | null;
  readonly copied: number;
  readonly tokens: number;
  /** Whether texts that are too long for its model are cut. Absent: they are not. [M159] */
  readonly isTruncating?: boolean;
  /** Of the texts that were: absent of generations from before any were. */
  readonly cut?: CutCounts;
  readonly comparison: Comparison | null;
  /** Why the exchange that was asked for last did not come about. */
  readonly fault: string | null;
  /** Whether vectors that cannot be carried over are left behind. */
  readonly dropsMissing: boolean;
}

/** What an index's object keeps of its generations. Each run of the work on them, and each step, makes a new version. */
export interface GenerationState {
  readonly version: number;
  readonly shadow: Shadow | null;
}

export const NO_GENERATIONS: GenerationState = { version: 0, shadow: null };

/** What the other generation means for objects that one of the two gets meanwhile. */
export interface Beside {
  /** The access mode of the new object: one of the shadow generation is closed. */
  readonly mode: AccessMode;
  /** Whether the other one follows: from the first change on, each is logged. */
  readonly isFollowed: boolean;
}

/** Phases of the exchange. Which objects belong to which generation must not change during them. */
export const isExchanging = ({ phase }: Pick<Shadow, 'phase'>): boolean => EXCHANGE.has(phase);

const EXCHANGE: ReadonlySet<Phase> = new Set(['sealing', 'draining', 'unsealing', 'closing', 'switching']);

/** The state together with the generation that serves. */
export interface Generations extends GenerationState {
  readonly serving: IndexManifest;
}

/** What a run did, or is asked for; each is a step from one phase to another. */
export type GenerationEvent =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'opened'; readonly feed: FeedCursor }
  | { readonly kind: 'cleared' }
  | {
      readonly kind: 'copied';
      readonly filled: FillCursor;
      readonly count: number;
      readonly tokens: number;
      readonly cut?: CutCounts;
      readonly isWhole: boolean;
    }
  | { readonly kind: 'compared'; readonly comparison: Comparison }
  | {
      readonly kind: 'followed';
      readonly feed: FeedCursor;
      readonly receipts: ReceiptCursor;
      readonly count: number;
      readonly tokens: number;
      readonly cut?: CutCounts;
    }
  | { readonly kind: 'lost' }
  | { readonly kind: 'activation'; readonly generation: IndexId; readonly dropsMissing: boolean }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'drained' }
  | { readonly kind: 'given-up'; readonly fault: string }
  | { readonly kind: 'unsealed' }
  | { readonly kind: 'closed'; readonly feed: FeedCursor }
  | { readonly kind: 'switched' }
  | { readonly kind: 'erasure' };

/** What is asked of an index's object about its generations; it answers what they are after that. */
export type GenerationCall =
  | { readonly kind: 'read' }
  | { readonly kind: 'begin'; readonly shadow: Shadow; readonly creation: Creation }
  | { readonly kind: 'change'; readonly version: number; readonly event: GenerationEvent }
  /** Sees to it that the other generation has a shard, closed to all but this run. */
  | { readonly kind: 'open'; readonly run: number }
  | { readonly kind: 'erase' };
