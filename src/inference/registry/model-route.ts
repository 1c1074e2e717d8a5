import { chanceHash } from '../../kernel/fast-hash.ts';
import { must } from '../../kernel/assert.ts';
import type { VersionRecord } from './model-record.ts';
import { WHOLE_PPM } from './model-record.ts';
import type { ModelOwner, VersionManifest } from './version-manifest.ts';

/** A version, as those that call it need it. */
export interface RoutedVersion {
  readonly version: number;
  readonly manifest: VersionManifest;
  /** What its answers are kept and compared under; of all versions of one route the same. */
  readonly contractHash: string;
  readonly createdAtMs: number;
  /** What its longest text takes of an isolate at most; undefined: not known. [M59] */
  readonly runBoundMs: number | undefined;
  /** What computes its texts in an isolate: the encoder engine has room for more weights. Absent: not known. */
  readonly computedBy?: 'encoder' | 'runtime' | undefined;
}

/** What answers to a name. */
export type ModelRoute =
  | { readonly kind: 'builtin'; readonly model: string }
  | {
      readonly kind: 'registered';
      readonly owner: ModelOwner;
      readonly model: string;
      /** Whether the name, or the alias, says which version: then no other answers. */
      readonly isPinned: boolean;
      readonly serving: RoutedVersion;
      readonly canary: (RoutedVersion & { readonly sharePpm: number }) | null;
    };

export type RegisteredRoute = Extract<ModelRoute, { kind: 'registered' }>;

export function routedVersion({ version, manifest, contractHash, createdAtMs, checks }: VersionRecord): RoutedVersion {
  const bound = checks?.measured['run_bound_ms'];
  const computedBy = checks?.measured['computed_by'] === 'encoder' ? 'encoder' : undefined;
  return { version, manifest, contractHash, createdAtMs, runBoundMs: typeof bound === 'number' ? bound : undefined, computedBy };
}

/**
 * Which version answers a request: the canary gets its share of all requests, and each request always the same one of the two, as long as the
 * share stays. `requestKey` has the tenant and what is asked for: repeating a request does not roll the dice again.
 */
export function versionFor({ serving, canary }: RegisteredRoute, requestKey: string): RoutedVersion {
  if (canary === null) return serving;
  const position = must(Number.parseInt(chanceHash(requestKey, NOTHING).slice(0, 8), 16), 'a hash is hex');
  return (position / 2 ** 32) * WHOLE_PPM < canary.sharePpm ? canary : serving;
}

const NOTHING = new Float32Array();

/** A name as callers give it: of a model or an alias, and perhaps a version, such as `minilm@2`. */
export interface NamedModel {
  readonly name: string;
  /** Undefined: whichever serves. */
  readonly version: number | undefined;
}

export function namedModel(text: string): NamedModel {
  const [, name, version] = /^(.+)@([1-9]\d{0,8})$/.exec(text) ?? [];
  return name === undefined ? { name: text, version: undefined } : { name, version: Number(version) };
}
