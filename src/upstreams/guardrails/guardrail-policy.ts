/** What is personal in a text. */
export const PII_KINDS = ['email', 'phone', 'iban', 'card', 'ip'] as const;

export type PiiKind = (typeof PII_KINDS)[number];

/** What happens to a text that a hook finds something in. `mask` replaces what was found; `flag` only says so. */
export type HookAction = 'block' | 'mask' | 'flag';

/** Which texts a hook looks at. */
export type HookSide = 'request' | 'answer' | 'both';

interface NamedHook {
  readonly name: string;
  readonly on: HookSide;
}

/** One thing that a policy looks for. */
export type Hook =
  /** Regular expressions in RE2's syntax, which match in linear time. */
  | (NamedHook & { readonly kind: 'patterns'; readonly patterns: readonly string[]; readonly action: HookAction })
  /** `restores`: what was masked in a request is put back into its answer. */
  | (NamedHook & { readonly kind: 'pii'; readonly pii: readonly PiiKind[]; readonly action: HookAction; readonly restores: boolean })
  /** Answers are JSON that a schema (draft 2020-12) accepts. */
  | (NamedHook & { readonly kind: 'json-schema'; readonly schema: object; readonly action: 'block' | 'flag' })
  /** A server says of each text whether it may pass. `onFailure`: what happens to a text when it does not say. */
  | (NamedHook & { readonly kind: 'webhook'; readonly url: string; readonly timeoutMs: number; readonly onFailure: 'pass' | 'block' })
  /** A registered model that classifies texts: a text with this label at or above the threshold is found. */
  | (NamedHook & {
      readonly kind: 'classifier';
      readonly model: string;
      readonly label: string;
      readonly threshold: number;
      readonly action: 'block' | 'flag';
    });

/** The hooks of one guardrail, in the order in which they look. */
export interface GuardrailPolicy {
  readonly name: string;
  readonly version: number;
  readonly hooks: readonly Hook[];
}

/** What a hook did, for the request log and `server-timing`. Never what it found. */
export interface HookRecord {
  readonly policy: string;
  readonly hook: string;
  readonly side: 'request' | 'answer';
  readonly outcome: 'passed' | 'masked' | 'flagged' | 'blocked' | 'failed';
  /** Places that were found. */
  readonly count: number;
  readonly elapsedMs: number;
}
