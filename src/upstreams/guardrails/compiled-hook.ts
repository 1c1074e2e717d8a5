import { Validator } from '@cfworker/json-schema';
import type { Schema } from '@cfworker/json-schema';

import type { FieldPath } from '../../contract/field-path.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Span } from './find-pii.ts';
import { findPii } from './find-pii.ts';
import type { GuardrailPolicy, Hook, HookAction, HookRecord } from './guardrail-policy.ts';
import { PatternSet } from './pattern-set.ts';

/** A hook that marks places in a text. */
export interface SpanHook {
  readonly kind: 'spans';
  readonly action: HookAction;
  /** Whether masks are put back into the answer. */
  readonly restores: boolean;
  readonly find: (text: string) => Span[];
}

/** A hook that accepts or refuses an answer as a whole. */
export interface WholeHook {
  readonly kind: 'whole';
  readonly action: 'block' | 'flag';
  readonly accepts: (text: string) => boolean;
}

/** A hook that asks another server or model. */
export interface AskingHook {
  readonly kind: 'asking';
  readonly hook: Extract<Hook, { kind: 'webhook' | 'classifier' }>;
}

/** A hook ready to look at texts. */
export interface CompiledHook {
  readonly policy: string;
  readonly name: string;
  readonly on: Hook['on'];
  readonly check: SpanHook | WholeHook | AskingHook;
}

export const looksAt = ({ on }: CompiledHook, side: HookRecord['side']): boolean => on === 'both' || on === side;

/** Refuses patterns that RE2 does not read and schemas that are none, naming the field. */
export function compileHooks({ name: policy, hooks }: GuardrailPolicy): Outcome<CompiledHook[]> {
  const compiled: CompiledHook[] = [];
  for (const [at, hook] of hooks.entries()) {
    const check = compile(hook, ['hooks', at]);
    if (!check.ok) return check;
    compiled.push({ policy, name: hook.name, on: hook.on, check: check.value });
  }
  return ok(compiled);
}

function compile(hook: Hook, path: FieldPath): Outcome<CompiledHook['check']> {
  switch (hook.kind) {
    case 'patterns': {
      const set = PatternSet.compile(hook.patterns, [...path, 'patterns']);
      return set.ok ? ok({ kind: 'spans', action: hook.action, restores: false, find: (text) => set.value.find(text) }) : set;
    }
    case 'pii':
      return ok({ kind: 'spans', action: hook.action, restores: hook.restores, find: (text) => findPii(text, hook.pii) });
    case 'json-schema': {
      if (hook.on !== 'answer') return refuse('invalid_value', 'a schema is of answers: say `answer`', [...path, 'on']);
      const validator = validatorOf(hook.schema);
      if (validator === undefined) return refuse('invalid_value', 'is no JSON schema that can be read', [...path, 'schema']);
      return ok({ kind: 'whole', action: hook.action, accepts: (text) => isAccepted(validator, text) });
    }
    case 'webhook':
    case 'classifier':
      return ok({ kind: 'asking', hook });
  }
}

function validatorOf(schema: object): Validator | undefined {
  try {
    const validator = new Validator(schema as Schema, '2020-12');
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
