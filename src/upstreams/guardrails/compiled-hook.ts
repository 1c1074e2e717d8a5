import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Hook } from '../../contract/guardrails/guardrails.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { UpstreamHosts } from '../upstream-host.ts';
import { checkBaseUrl } from '../upstream-host.ts';
import type { Span } from './find-pii.ts';
import { piiInWindows } from './pii-windows.ts';
import type { GuardrailTerms, HookRecord } from './guardrail-policy.ts';
import type { PatternRoom } from './pattern-set.ts';
import { PatternSet } from './pattern-set.ts';
import type { SchemaNode } from './compile-schema.ts';
import { compileSchema } from './compile-schema.ts';
import { judgeBySchema } from './judge-schema.ts';
import { schemaCost } from './schema-cost.ts';

/** A hook that marks places in a text. */
interface SpanCheck {
  readonly kind: 'spans';
  readonly action: 'block' | 'mask' | 'flag';
  /** Whether masks are put back into the answer. */
  readonly restores: boolean;
  /** Undefined: the work is exhausted. */
  readonly find: (text: string, work: SteppedWork) => Promise<Span[] | undefined>;
}

/** A hook that accepts or refuses an answer as a whole. */
export interface WholeCheck {
  readonly kind: 'whole';
  readonly action: 'block' | 'flag';
  /** Undefined: the work is exhausted. */
  readonly accepts: (text: string, work: SteppedWork) => Promise<boolean | undefined>;
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
  const room: PatternRoom = { instructions: 0 };
  for (const [at, hook] of policy.hooks.entries()) {
    const check = compile(hook, hosts, room, ['guardrails', at]);
    if (!check.ok) return check;
    compiled.push({ policy: policy.name, name: hook.name, on: hook.on, check: check.value });
  }
  return ok(compiled);
}

function compile(hook: Hook, hosts: UpstreamHosts, room: PatternRoom, path: FieldPath): Outcome<CompiledHook['check']> {
  switch (hook.kind) {
    case 'patterns': {
      const set = PatternSet.compile(hook.patterns, [...path, 'patterns'], room);
      if (!set.ok) return set;
      return ok({ kind: 'spans', action: hook.action, restores: false, find: (text, work) => set.value.find(text, work) });
    }
    case 'pii':
      return ok({
        kind: 'spans',
        action: hook.action,
        restores: hook.restores,
        find: (text, work) => work.run(piiInWindows(text, hook.pii, work)),
      });
    case 'json-schema': {
      const bytes = utf8(JSON.stringify(hook.schema)).length;
      const at = [...path, 'schema'];
      if (bytes > GUARDRAIL_LIMITS.guardrailSchemaBytesMax)
        return refuseBeyond({ path: at, limit: 'guardrailSchemaBytesMax', value: bytes, what: `has ${bytes} bytes` });
      const cost = schemaCost(hook.schema);
      if (!cost.ok) return refuse('invalid_value', cost.error, at);
      const compiled = compileSchema(hook.schema);
      if (compiled === undefined) return refuse('invalid_value', 'is no JSON schema that can be read', at);
      return ok({ kind: 'whole', action: hook.action, accepts: (text, work) => acceptsJson(compiled, text, work) });
    }
    case 'classifier':
      return ok({ kind: 'asking', hook });
    case 'webhook': {
      const checked = checkBaseUrl(hook.url, hosts);
      return checked.ok ? ok({ kind: 'asking', hook }) : { ok: false, error: { ...checked.error, path: [...path, 'url'] } };
    }
  }
}

/** What is no JSON is accepted by no schema, nor is what is nested more deeply than can be followed. */
async function acceptsJson(schema: SchemaNode, text: string, work: SteppedWork): Promise<boolean | undefined> {
  try {
    return await work.run(judgeBySchema(schema, JSON.parse(text), work));
  } catch {
    return false;
  }
}
