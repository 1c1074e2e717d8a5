import type * as z from 'zod';

/** A fault as zod's `refine` takes it. */
type Fault = string | { readonly path: PropertyKey[]; readonly message: string };
type Fields = Readonly<Record<string, unknown>>;
type Names<S> = readonly (keyof z.input<S> & string)[];

const countOf = (value: unknown, names: readonly string[]): number => names.filter((name) => (value as Fields)[name] !== undefined).length;
const required = (name: string) => ({ required: [name] });

// Parameters are `z.core.$ZodType`, as those of endpoints are: see `JsonBody`. What a rule is added to is made with zod's own functions, so it has its methods.
const methodsOf = (schema: z.core.$ZodType): z.ZodType => schema as z.ZodType;
const described = <S extends z.core.$ZodType>(schema: S, meta: z.GlobalMeta): S => methodsOf(schema).meta(meta) as unknown as S;
const refined = <S extends z.core.$ZodType>(schema: S, holds: (value: unknown) => boolean, fault: Fault): S =>
  methodsOf(schema).refine(holds, fault) as unknown as S;

// Rules about which fields of an object are there. Each is checked, and said in the JSON schema: what holds for one holds for the other. A rule of
// the schema stands in `allOf`, beside which generators of clients still see the properties.

/** Exactly one of the fields is there. */
export const exactlyOneOf = <S extends z.core.$ZodType>(schema: S, names: Names<S>, fault: Fault): S =>
  stated(
    refined(schema, (value) => countOf(value, names) === 1, fault),
    { oneOf: names.map(required) },
  );

/** At least one of the fields is there. */
export const someOf = <S extends z.core.$ZodType>(schema: S, names: Names<S>, fault: Fault): S =>
  stated(
    refined(schema, (value) => countOf(value, names) > 0, fault),
    { anyOf: names.map(required) },
  );

/** Two fields are not there together. */
export const notBoth = <S extends z.core.$ZodType>(schema: S, names: readonly [Names<S>[number], Names<S>[number]], fault: Fault): S =>
  stated(
    refined(schema, (value) => countOf(value, names) < 2, fault),
    { not: { required: [...names] } },
  );

/** The first field is there only with the second. */
export const onlyWith = <S extends z.core.$ZodType>(schema: S, name: Names<S>[number], other: Names<S>[number], fault: Fault): S =>
  stated(
    refined(schema, (value) => countOf(value, [name]) <= countOf(value, [other]), fault),
    { dependentRequired: { [name]: [other] } },
  );

/** The field is there only with one of the others. */
export const onlyWithSome = <S extends z.core.$ZodType>(schema: S, name: Names<S>[number], others: Names<S>, fault: Fault): S =>
  stated(
    refined(schema, (value) => countOf(value, [name]) <= countOf(value, others), fault),
    { dependentSchemas: { [name]: { anyOf: others.map(required) } } },
  );

/** An object has from `min` to `max` members, of whatever names. */
export const membersFrom = <S extends z.core.$ZodType>(schema: S, min: number, max: number, fault: Fault): S =>
  described(
    refined(
      schema,
      (value) => {
        const given = Object.values(value as Fields).filter((member) => member !== undefined).length;
        return given >= min && given <= max;
      },
      fault,
    ),
    { ...(min > 0 && { minProperties: min }), ...(Number.isFinite(max) && { maxProperties: max }) },
  );

/** In the words of JSON schema: where one schema holds, another does, and elsewhere a third, if one is given. */
export const implies = (condition: object, consequence: object, otherwise?: object) =>
  // oxlint-disable-next-line unicorn/no-thenable -- JSON schema's own word
  ({ if: condition, then: consequence, ...(otherwise !== undefined && { else: otherwise }) });

/** A schema of which the document says a rule that its own checks make. */
export const stated = <S extends z.core.$ZodType>(schema: S, rule: object): S => {
  const rules = (methodsOf(schema).meta()?.['allOf'] ?? []) as object[];
  return described(schema, { allOf: [...rules, rule] });
};
