import { Validator } from '@cfworker/json-schema';

import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Hook } from '../../contract/guardrails/guardrails.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import type { UpstreamHosts } from '../upstream-host.ts';
import { checkBaseUrl } from '../upstream-host.ts';
import type { Span } from './find-pii.ts';
import { findPii } from './find-pii.ts';
import type { GuardrailTerms, HookRecord } from './guardrail-policy.ts';
import { PatternSet } from './pattern-set.ts';
import { schemaCost } from './schema-cost.ts';

/** A hook that marks places in a text. */
interface SpanCheck {
  readonly kind: 'spans';
  readonly action: 'block' | 'mask' | 'flag';
  /** Whether masks are put back into the answer. */
  readonly restores: boolean;
  readonly find: (text: string) => Span[];
}

/** A hook that accepts or refuses an answer as a whole. */
interface WholeCheck {
  readonly kind: 'whole';
  readonly action: 'block' | 'flag';
  readonly accepts: (text: string) => boolean;
}

/** A hook that asks another server, or a model. */
interface AskingCheck {
  readonly kind: 'asking';
  readonly hook: AskedHook;
}

export type AskedHook = Extract<Hook, { kind: 'webhook' | 'classifier' }>;

/** A hook ready to look at texts. */
export interface CompiledHook {
  readonly policy: string;
  readonly name: string;
  readonly on: Hook['on'];
  readonly check: SpanCheck | WholeCheck | AskingCheck;
}

export type SpanHook = CompiledHook & { readonly check: SpanCheck };

export const looksAt = ({ on }: CompiledHook, side: HookRecord['side']): boolean => on === 'both' || on === side;

/** Refuses patterns that RE2 does not read, schemas that are none, and webhooks where none may be, naming the field. */
export function compileHooks({ policy, hosts }: GuardrailTerms): Outcome<CompiledHook[]> {
  const compiled: CompiledHook[] = [];
  for (const [at, hook] of policy.hooks.entries()) {
    const check = compile(hook, hosts, ['guardrails', at]);
    if (!check.ok) return check;
    compiled.push({ policy: policy.name, name: hook.name, on: hook.on, check: check.value });
  }
  return ok(compiled);
}

function compile(hook: Hook, hosts: UpstreamHosts, path: FieldPath): Outcome<CompiledHook['check']> {
  switch (hook.kind) {
    case 'patterns': {
      const set = PatternSet.compile(hook.patterns, [...path, 'patterns']);
      return set.ok ? ok({ kind: 'spans', action: hook.action, restores: false, find: (text) => set.value.find(text) }) : set;
    }
    case 'pii':
      return ok({ kind: 'spans', action: hook.action, restores: hook.restores, find: (text) => findPii(text, hook.pii) });
    case 'json-schema': {
      const bytes = utf8(JSON.stringify(hook.schema)).length;
      const at = [...path, 'schema'];
      if (bytes > GUARDRAIL_LIMITS.guardrailSchemaBytesMax)
        return refuseBeyond({ path: at, limit: 'guardrailSchemaBytesMax', value: bytes, what: `has ${bytes} bytes` });
      const cost = schemaCost(hook.schema);
      if (!cost.ok) return refuse('invalid_value', cost.error, at);
      const validator = validatorOf(hook.schema);
      if (validator === undefined) return refuse('invalid_value', 'is no JSON schema that can be read', at);
      return ok({ kind: 'whole', action: hook.action, accepts: (text) => isAccepted(validator, text) });
    }
    case 'classifier':
      return ok({ kind: 'asking', hook });
    case 'webhook': {
      const checked = checkBaseUrl(hook.url, hosts);
      return checked.ok ? ok({ kind: 'asking', hook }) : { ok: false, error: { ...checked.error, path: [...path, 'url'] } };
    }
  }
}

function validatorOf(schema: object): Validator | undefined {
  try {
    const validator = new Validator(schema, '2020-12');
    // References are resolved when they are met: a schema that refers to nothing is found out here.
    validator.validate(null);
    return validator;
  } catch {
    return undefined;
  }
}

function isAccepted(validator: Validator, text: string): boolean {
  try {
    return validator.validate(JSON.parse(text)).valid;
  } catch {
    return false;
  }
}
