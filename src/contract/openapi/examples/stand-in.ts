import { must } from '../../../kernel/assert.ts';

/** What this reads of JSON schemas, and of a document that has some by name. */
interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly example?: unknown;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

type Components = Readonly<Record<string, JsonSchema>>;

/**
 * What stands in an example for a value that the gateway makes up: the example of the schema that describes the place, or the least whole number.
 * It fits the schema, so that the example is valid as it stands.
 */
export function standIn(schema: object, place: readonly string[], components: Components): unknown {
  const options = schemasAt(schema, place, components);
  const example = options.find((option) => option.example !== undefined)?.example;
  if (example !== undefined) return example;
  const whole = options.find(({ type }) => type === 'integer');
  return Math.max(1, must(whole, `an example of ${place.join('.')} in its schema`).minimum ?? 1);
}

/** Every schema that describes what lies at a place below the schema. */
function schemasAt(schema: JsonSchema, place: readonly string[], components: Components): JsonSchema[] {
  const named = schema.$ref === undefined ? schema : must(components[schema.$ref.split('/').at(-1) ?? ''], 'a reference to a component');
  const options = [named.anyOf, named.oneOf, named.allOf].flatMap((some) => some ?? []);
  const inOptions = options.flatMap((option) => schemasAt(option, place, components));
  const [step, ...rest] = place;
  if (step === undefined) return [named, ...inOptions];
  const { additionalProperties: others } = named;
  const below = named.properties?.[step] ?? named.items ?? (typeof others === 'object' ? others : undefined);
  return below === undefined ? inOptions : [...schemasAt(below, rest, components), ...inOptions];
}
